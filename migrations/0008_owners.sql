-- Hosts that share the models between them, evaluations that were asked for, and the few monitors that go by the clock.

CREATE TABLE host (
    host_no     int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address     text,
    started_at  timestamptz NOT NULL,
    alive_until timestamptz NOT NULL,
    view        int8 NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
COMMENT ON TABLE host IS 'Hosts that run on this database. Each model belongs to one of those that are alive; which one follows from their numbers alone.';
COMMENT ON COLUMN host.host_no IS 'Number of one run of a host: a host that starts again has another.';
COMMENT ON COLUMN host.address IS 'Where it listens, for people; null where it does not say.';
COMMENT ON COLUMN host.started_at IS 'When it joined, by the clock of the database.';
COMMENT ON COLUMN host.alive_until IS 'It is alive up to this time of the database''s clock, which it moves on again and again. One that ends in an orderly way removes its row.';
COMMENT ON COLUMN host.view IS 'Stands for the hosts that it takes for alive, and has given up models for; 0 before it has looked. Models are taken over once all say the same.';

CREATE TABLE evaluation_request (
    monitor_no int8 PRIMARY KEY REFERENCES monitor ON DELETE CASCADE,
    request_no int8 GENERATED ALWAYS AS IDENTITY
);
COMMENT ON TABLE evaluation_request IS 'Monitors that somebody asked to evaluate, until that is done.';
COMMENT ON COLUMN evaluation_request.monitor_no IS 'The monitor.';
COMMENT ON COLUMN evaluation_request.request_no IS 'Raised by each request: one that comes during an evaluation is not answered by it.';

-- Default monitors pause between evaluations now, so monitors with a pause are many: those are looked at when their rows arrive.
DROP INDEX monitor_timed;
CREATE INDEX monitor_scheduled ON monitor (monitor_no) WHERE spec -> 'cadence' ->> 'on' = 'schedule';
UPDATE monitor SET spec = jsonb_set(spec, '{cadence,seconds_min}', '1')
WHERE name IN ('data-drift', 'prior-drift', 'concept-drift') AND name = spec ->> 'detector' AND revision = 1
  AND spec -> 'cadence' = '{"on": "new-data", "seconds_min": 0}';

ALTER TABLE progress ADD COLUMN cutting_at timestamptz;
COMMENT ON COLUMN progress.cutting_at IS 'A training time at which some chunks are cut and others are still to be; null where none is being cut.';

-- A large model goes in pieces: the deletion itself takes no profiles with it.
ALTER TABLE chunk DROP CONSTRAINT chunk_model_no_fkey;
CREATE TABLE removal (
    removal_no int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_no   int4,
    monitors   int8[] NOT NULL
);
COMMENT ON TABLE removal IS 'What deleted models and monitors left, until it is taken away.';
COMMENT ON COLUMN removal.removal_no IS 'Order of the deletions.';
COMMENT ON COLUMN removal.model_no IS 'The model whose rows, labels and profiles are to go; null where a monitor alone was deleted.';
COMMENT ON COLUMN removal.monitors IS 'The monitors whose evaluations and measurements are to go.';
