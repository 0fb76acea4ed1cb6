-- What evaluations were made of, so that each can be made again.

ALTER TABLE evaluation
    ADD COLUMN inputs jsonb,
    ADD COLUMN input_chunks bytea,
    ADD COLUMN input_reference bytea,
    ADD COLUMN input_state bytea;
COMMENT ON COLUMN evaluation.inputs IS 'What it was made of: columns of the model, labels that counted, digests of window and baseline. Null where nothing was judged, and where it was not kept.';
COMMENT ON COLUMN evaluation.input_chunks IS 'Chunks of the current window as they stood: numbers, revisions, rows. About 8 bytes each.';
COMMENT ON COLUMN evaluation.input_reference IS 'The same of a reference window that moves with the current one. Of one that stays: see chunk_list.';
COMMENT ON COLUMN evaluation.input_state IS 'What a stream detector was handed as its state, where that is not too large.';

CREATE TABLE chunk_list (
    model_no int4 NOT NULL REFERENCES model ON DELETE CASCADE,
    digest   text NOT NULL,
    chunks   bytea NOT NULL,
    used_at  timestamptz NOT NULL,
    PRIMARY KEY (model_no, digest)
);
COMMENT ON TABLE chunk_list IS 'Chunks of reference windows that many evaluations share. Goes when no evaluation is left that could name it.';
COMMENT ON COLUMN chunk_list.model_no IS 'The model.';
COMMENT ON COLUMN chunk_list.digest IS 'Of the list.';
COMMENT ON COLUMN chunk_list.chunks IS 'As evaluation.input_chunks.';
COMMENT ON COLUMN chunk_list.used_at IS 'When an evaluation named it last, to the day.';

CREATE TABLE monitor_spec (
    monitor_no int8 NOT NULL REFERENCES monitor ON DELETE CASCADE,
    revision   int4 NOT NULL,
    spec       jsonb NOT NULL,
    ended_at   timestamptz NOT NULL,
    PRIMARY KEY (monitor_no, revision)
);
COMMENT ON TABLE monitor_spec IS 'What monitors did before they were changed. Goes when no evaluation of it is left.';
COMMENT ON COLUMN monitor_spec.monitor_no IS 'The monitor.';
COMMENT ON COLUMN monitor_spec.revision IS 'The revision that had this spec.';
COMMENT ON COLUMN monitor_spec.spec IS 'As monitor.spec.';
COMMENT ON COLUMN monitor_spec.ended_at IS 'When it was changed.';
