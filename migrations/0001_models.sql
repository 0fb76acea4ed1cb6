-- Models, the columns their rows have, and how far their rows were read.

CREATE TABLE model (
    model_no           int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id           text NOT NULL CONSTRAINT model_id_key UNIQUE,
    model_type         text CONSTRAINT model_type_known CHECK (model_type IN ('classifier', 'regressor')),
    positive_label     text,
    last_training_time timestamptz,
    schema_version     int4 NOT NULL DEFAULT 0,
    settings           jsonb NOT NULL DEFAULT '{}',
    created_at         timestamptz NOT NULL,
    has_defaults       bool NOT NULL DEFAULT false
);
COMMENT ON TABLE model IS 'The watched models.';
COMMENT ON COLUMN model.model_no IS 'Number inside this database.';
COMMENT ON COLUMN model.model_id IS 'Name that its clients use.';
COMMENT ON COLUMN model.model_type IS 'What it answers; null until somebody says.';
COMMENT ON COLUMN model.positive_label IS 'The class whose probability it gives.';
COMMENT ON COLUMN model.last_training_time IS 'Rows up to this time are what it was trained on.';
COMMENT ON COLUMN model.schema_version IS 'Raised by one whenever columns are added.';
COMMENT ON COLUMN model.settings IS 'Chunks and labels, as in the API.';
COMMENT ON COLUMN model.created_at IS 'When it was registered.';
COMMENT ON COLUMN model.has_defaults IS 'Whether its default monitors were made: that happens once, so a deleted one stays away.';

CREATE TABLE model_column (
    model_no       int4 NOT NULL REFERENCES model ON DELETE CASCADE,
    column_no      int4 NOT NULL,
    name           text NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('numeric', 'categorical')),
    role           text NOT NULL CHECK (role IN ('feature', 'prediction', 'probability', 'label')),
    position       int4 NOT NULL,
    schema_version int4 NOT NULL,
    declared       bool NOT NULL DEFAULT false,
    PRIMARY KEY (model_no, column_no),
    CONSTRAINT model_column_name_key UNIQUE (model_no, name)
);
COMMENT ON TABLE model_column IS 'Columns of a model''s rows. Columns are added, never changed or removed.';
COMMENT ON COLUMN model_column.model_no IS 'Whose column it is.';
COMMENT ON COLUMN model_column.column_no IS 'Order in which columns were added, from 0.';
COMMENT ON COLUMN model_column.name IS 'Its name; prediction, probability and label are called so.';
COMMENT ON COLUMN model_column.kind IS 'What its values are.';
COMMENT ON COLUMN model_column.role IS 'What it means to the model.';
COMMENT ON COLUMN model_column.position IS 'Place in prediction.numbers or prediction.codes, from 0; 0 for the label.';
COMMENT ON COLUMN model_column.schema_version IS 'First version of the schema that has it.';
COMMENT ON COLUMN model_column.declared IS 'Whether somebody said its kind, rather than its first value. A declared category may be written as a number.';

CREATE TABLE category (
    model_no  int4 NOT NULL,
    column_no int4 NOT NULL,
    code      int4 NOT NULL,
    name      text NOT NULL,
    PRIMARY KEY (model_no, column_no, code),
    CONSTRAINT category_name_key UNIQUE (model_no, column_no, name),
    FOREIGN KEY (model_no, column_no) REFERENCES model_column ON DELETE CASCADE
);
COMMENT ON TABLE category IS 'Names of the codes of categorical columns.';
COMMENT ON COLUMN category.model_no IS 'Whose column it is.';
COMMENT ON COLUMN category.column_no IS 'Which column.';
COMMENT ON COLUMN category.code IS 'Stands for the name in rows, from 0 without gaps.';
COMMENT ON COLUMN category.name IS 'The category.';

CREATE TABLE arrival (
    model_no       int4 PRIMARY KEY REFERENCES model ON DELETE CASCADE,
    last_seq       int8 NOT NULL DEFAULT 0,
    last_label_seq int8 NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
COMMENT ON TABLE arrival IS 'How many rows a model was given. The row is locked while rows are written, so numbers become visible in their order.';
COMMENT ON COLUMN arrival.model_no IS 'The model.';
COMMENT ON COLUMN arrival.last_seq IS 'Largest prediction.seq given out; duplicates leave gaps.';
COMMENT ON COLUMN arrival.last_label_seq IS 'Largest label.seq given out.';

CREATE TABLE progress (
    model_no           int4 PRIMARY KEY REFERENCES model ON DELETE CASCADE,
    profiled_seq       int8 NOT NULL DEFAULT 0,
    profiled_label_seq int8 NOT NULL DEFAULT 0,
    last_chunk_no      int8 NOT NULL DEFAULT 0,
    training_time      timestamptz,
    derivation         text NOT NULL DEFAULT ''
) WITH (fillfactor = 50);
COMMENT ON TABLE progress IS 'How far a model''s rows are profiled. Moves in the transaction that stores the profiles: each row counts exactly once.';
COMMENT ON COLUMN progress.model_no IS 'The model.';
COMMENT ON COLUMN progress.profiled_seq IS 'Rows with a seq up to this are in the chunks.';
COMMENT ON COLUMN progress.profiled_label_seq IS 'Labels with a seq up to this are in the chunks.';
COMMENT ON COLUMN progress.last_chunk_no IS 'Largest chunk.chunk_no given out.';
COMMENT ON COLUMN progress.training_time IS 'The model.last_training_time at which the chunks are cut.';
COMMENT ON COLUMN progress.derivation IS 'How the derived columns of the chunks were computed. Where that changes they are computed again.';
