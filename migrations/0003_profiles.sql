-- Profiles of chunks, and uploaded reference data.

CREATE TABLE chunk (
    model_no            int4 NOT NULL REFERENCES model ON DELETE CASCADE,
    chunk_no            int8 NOT NULL,
    start_time          timestamptz NOT NULL,
    end_time            timestamptz NOT NULL,
    seq_from            int8 NOT NULL,
    seq_to              int8 NOT NULL,
    rows                int8 NOT NULL,
    labelled_rows       int8 NOT NULL,
    label_delay_seconds float8 NOT NULL,
    first_time          timestamptz NOT NULL,
    last_time           timestamptz NOT NULL,
    revision            int8 NOT NULL,
    stale               bool NOT NULL DEFAULT false,
    profile             bytea NOT NULL,
    labelled_profile    bytea,
    PRIMARY KEY (model_no, chunk_no)
);
ALTER TABLE chunk ALTER COLUMN profile SET STORAGE EXTERNAL, ALTER COLUMN labelled_profile SET STORAGE EXTERNAL;
CREATE INDEX chunk_start ON chunk (model_no, start_time, seq_from);
CREATE INDEX chunk_stale ON chunk (model_no, chunk_no) WHERE stale;
COMMENT ON TABLE chunk IS 'Slices of a model''s rows with their profiles: the rows in [start_time, end_time) whose seq is in [seq_from, seq_to].';
COMMENT ON COLUMN chunk.model_no IS 'The model.';
COMMENT ON COLUMN chunk.chunk_no IS 'Order in which the model''s chunks were opened, from 1.';
COMMENT ON COLUMN chunk.start_time IS 'Prediction times from here on.';
COMMENT ON COLUMN chunk.end_time IS 'Prediction times before this.';
COMMENT ON COLUMN chunk.seq_from IS 'Seq of its first row.';
COMMENT ON COLUMN chunk.seq_to IS 'Seq of the last row that it counts.';
COMMENT ON COLUMN chunk.rows IS 'Rows that the profile counts.';
COMMENT ON COLUMN chunk.labelled_rows IS 'Rows whose label has arrived.';
COMMENT ON COLUMN chunk.label_delay_seconds IS 'Sum over labelled rows of the time from the prediction to the record''s first label, in seconds; a label that was there before counts 0.';
COMMENT ON COLUMN chunk.first_time IS 'Smallest prediction time of its rows.';
COMMENT ON COLUMN chunk.last_time IS 'Largest prediction time of its rows.';
COMMENT ON COLUMN chunk.revision IS 'Raised by every change of the profiles.';
COMMENT ON COLUMN chunk.stale IS 'Whether labelled_profile, labelled_rows and label_delay_seconds wait to be made anew from storage.';
COMMENT ON COLUMN chunk.profile IS 'Profile of features, prediction and probability of all rows, as bytes of the host.';
COMMENT ON COLUMN chunk.labelled_profile IS 'Profile of label and derived columns of the labelled rows.';

CREATE TABLE reference (
    model_no         int4 NOT NULL REFERENCES model ON DELETE CASCADE,
    reference_no     int4 NOT NULL,
    format           text NOT NULL,
    digest           text NOT NULL,
    rows             int8 NOT NULL,
    labelled_rows    int8 NOT NULL,
    active           bool NOT NULL DEFAULT false,
    created_at       timestamptz NOT NULL,
    profile          bytea NOT NULL,
    labelled_profile bytea,
    PRIMARY KEY (model_no, reference_no)
);
ALTER TABLE reference ALTER COLUMN profile SET STORAGE EXTERNAL, ALTER COLUMN labelled_profile SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX reference_active_key ON reference (model_no) WHERE active;
COMMENT ON TABLE reference IS 'Uploaded reference data. At most one version of a model is active.';
COMMENT ON COLUMN reference.model_no IS 'The model.';
COMMENT ON COLUMN reference.reference_no IS 'Version, from 1.';
COMMENT ON COLUMN reference.format IS 'Format of the upload: csv, ndjson, parquet or arrow.';
COMMENT ON COLUMN reference.digest IS 'SHA-256 of the upload, in hexadecimal.';
COMMENT ON COLUMN reference.rows IS 'Rows it has.';
COMMENT ON COLUMN reference.labelled_rows IS 'Rows that have a label.';
COMMENT ON COLUMN reference.active IS 'Whether monitors compare with it.';
COMMENT ON COLUMN reference.created_at IS 'When it was uploaded.';
COMMENT ON COLUMN reference.profile IS 'Profile of features, prediction and probability.';
COMMENT ON COLUMN reference.labelled_profile IS 'Profile of label and derived columns of the labelled rows.';

CREATE TABLE reference_part (
    model_no     int4 NOT NULL,
    reference_no int4 NOT NULL,
    part_no      int4 NOT NULL,
    bytes        bytea NOT NULL,
    PRIMARY KEY (model_no, reference_no, part_no),
    FOREIGN KEY (model_no, reference_no) REFERENCES reference ON DELETE CASCADE
);
ALTER TABLE reference_part ALTER COLUMN bytes SET STORAGE EXTERNAL;
COMMENT ON TABLE reference_part IS 'The upload itself, in pieces of a mebibyte.';
COMMENT ON COLUMN reference_part.model_no IS 'The model.';
COMMENT ON COLUMN reference_part.reference_no IS 'The version.';
COMMENT ON COLUMN reference_part.part_no IS 'Order of the pieces, from 0.';
COMMENT ON COLUMN reference_part.bytes IS 'The piece.';
