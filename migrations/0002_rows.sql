-- Rows and labels, in partitions of one month each, which the host makes when it first needs them.

CREATE TABLE prediction (
    seq             int8 NOT NULL,
    model_no        int4 NOT NULL,
    prediction_time timestamptz NOT NULL,
    record_id       text NOT NULL,
    numbers         float8[] NOT NULL,
    codes           int4[] NOT NULL,
    CONSTRAINT prediction_pkey PRIMARY KEY (model_no, record_id, prediction_time)
) PARTITION BY RANGE (prediction_time);
CREATE INDEX prediction_seq ON prediction (model_no, seq);
COMMENT ON TABLE prediction IS 'Rows of the models in service. The same record at the same time counts once.';
COMMENT ON COLUMN prediction.seq IS 'Order of arrival within the model.';
COMMENT ON COLUMN prediction.model_no IS 'The model.';
COMMENT ON COLUMN prediction.prediction_time IS 'When the model answered.';
COMMENT ON COLUMN prediction.record_id IS 'The client''s name of the row, by which labels find it.';
COMMENT ON COLUMN prediction.numbers IS 'Values of numeric columns by model_column.position; null or beyond the end is missing.';
COMMENT ON COLUMN prediction.codes IS 'Codes of categorical columns by model_column.position; null or beyond the end is missing.';

CREATE TABLE label (
    seq         int8 NOT NULL,
    model_no    int4 NOT NULL,
    received_at timestamptz NOT NULL,
    record_id   text NOT NULL,
    number      float8,
    code        int4,
    CONSTRAINT label_pkey PRIMARY KEY (model_no, record_id, seq, received_at)
) PARTITION BY RANGE (received_at);
CREATE INDEX label_seq ON label (model_no, seq);
COMMENT ON TABLE label IS 'The truth about rows, as it arrived. The label with the largest seq of a record counts.';
COMMENT ON COLUMN label.seq IS 'Order of arrival within the model.';
COMMENT ON COLUMN label.model_no IS 'The model.';
COMMENT ON COLUMN label.received_at IS 'When the host received it.';
COMMENT ON COLUMN label.record_id IS 'Whose truth it is.';
COMMENT ON COLUMN label.number IS 'The label of a model whose labels are numbers.';
COMMENT ON COLUMN label.code IS 'The label as a code of the label column''s categories.';
