-- Who may do what, and the public SQL interface.

CREATE TABLE token (
    token_id   text PRIMARY KEY,
    name       text NOT NULL,
    hash       bytea NOT NULL,
    scopes     text[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);
COMMENT ON TABLE token IS 'Bearer tokens. The secret itself is nowhere.';
COMMENT ON COLUMN token.token_id IS 'The part of the token that names it.';
COMMENT ON COLUMN token.name IS 'Whose it is, in words.';
COMMENT ON COLUMN token.hash IS 'SHA-256 of the secret part.';
COMMENT ON COLUMN token.scopes IS 'ingest, read, admin.';
COMMENT ON COLUMN token.created_at IS 'When it was made.';
COMMENT ON COLUMN token.expires_at IS 'No longer valid from here on; null for never.';
COMMENT ON COLUMN token.revoked_at IS 'No longer valid from here on.';

CREATE TABLE reader (
    role_name text PRIMARY KEY,
    password  text NOT NULL
);
COMMENT ON TABLE reader IS 'The role that statements of POST /v1/sql run as. Only the owner may read this.';
COMMENT ON COLUMN reader.role_name IS 'Its name, which belongs to this database.';
COMMENT ON COLUMN reader.password IS 'What hosts log it in with.';

CREATE SCHEMA history;
COMMENT ON SCHEMA history IS 'What models answered and how they drifted. These views are an interface: columns are added, not changed.';

CREATE VIEW history.models AS
SELECT m.model_id, m.model_type, m.last_training_time, m.schema_version, m.created_at,
       a.last_seq AS rows_received, p.profiled_seq AS rows_profiled
FROM public.model m JOIN public.arrival a USING (model_no) JOIN public.progress p USING (model_no);
COMMENT ON VIEW history.models IS 'The watched models.';

CREATE VIEW history.columns AS
SELECT m.model_id, c.name, c.role, c.kind, c.schema_version
FROM public.model_column c JOIN public.model m USING (model_no);
COMMENT ON VIEW history.columns IS 'Columns of the models'' rows.';

CREATE VIEW history.monitors AS
SELECT m.model_id, o.name AS monitor, o.spec ->> 'detector' AS detector, o.spec, o.created_at, o.changed_at,
       s.evaluated_at, s.failures, s.last_error
FROM public.monitor o JOIN public.model m USING (model_no) LEFT JOIN public.monitor_state s USING (monitor_no);
COMMENT ON VIEW history.monitors IS 'Monitors and how they fare.';

CREATE VIEW history.evaluations AS
SELECT e.evaluation_no, e.evaluated_at, m.model_id, o.name AS monitor, e.detector, e.kind, e.cause, e.outcome, e.reason,
       e.window_from, e.window_to, e.reference_rows, e.current_rows, e.labelled_rows, e.duration_seconds
FROM public.evaluation e JOIN public.model m USING (model_no) JOIN public.monitor o USING (monitor_no);
COMMENT ON VIEW history.evaluations IS 'Runs of monitors.';

CREATE VIEW history.measurements AS
SELECT x.measured_at, m.model_id, o.name AS monitor, e.detector, e.kind, x.metric, x.column_name, x.value, x.effect, x.p_value,
       x.p_adjusted, x.threshold, x.threshold_kind, x.verdict, x.reference_rows, x.current_rows, x.missing_share, x.unseen_share,
       e.window_from, e.window_to, e.cause, x.evaluation_no, x.row_seq, x.detail
FROM public.measurement x
JOIN public.evaluation e ON e.evaluation_no = x.evaluation_no AND e.evaluated_at = x.measured_at
JOIN public.model m ON m.model_no = x.model_no
JOIN public.monitor o ON o.monitor_no = x.monitor_no;
COMMENT ON VIEW history.measurements IS 'Numbers that evaluations gave, with their verdicts.';

CREATE VIEW history.chunks AS
SELECT m.model_id, c.chunk_no, c.start_time, c.end_time, c.first_time, c.last_time, c.rows, c.labelled_rows,
       c.label_delay_seconds / nullif(c.labelled_rows, 0) AS mean_label_delay_seconds
FROM public.chunk c JOIN public.model m USING (model_no);
COMMENT ON VIEW history.chunks IS 'Slices of the models'' rows, as they were profiled.';

CREATE VIEW history.labels AS
SELECT m.model_id, l.record_id, coalesce(to_jsonb(l.number), to_jsonb(g.name)) AS label, l.received_at, l.seq
FROM public.label l
JOIN public.model m USING (model_no)
LEFT JOIN public.model_column c ON c.model_no = l.model_no AND c.role = 'label'
LEFT JOIN public.category g ON g.model_no = l.model_no AND g.column_no = c.column_no AND g.code = l.code;
COMMENT ON VIEW history.labels IS 'Labels as they arrived; of a record the one with the largest seq counts.';

CREATE VIEW history.predictions AS
SELECT m.model_id, p.record_id, p.prediction_time, p.seq, v.values -> 'prediction' AS prediction,
       v.values -> 'probability' AS probability, v.values - '{prediction,probability}'::text[] AS features
FROM public.prediction p
JOIN public.model m USING (model_no)
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_object_agg(c.name, CASE c.kind WHEN 'numeric' THEN to_jsonb(p.numbers[c.position + 1]) ELSE to_jsonb(g.name) END)
        FILTER (WHERE c.role <> 'label'), '{}') AS values
    FROM public.model_column c
    LEFT JOIN public.category g
        ON c.kind = 'categorical' AND g.model_no = c.model_no AND g.column_no = c.column_no AND g.code = p.codes[c.position + 1]
    WHERE c.model_no = p.model_no
) v;
COMMENT ON VIEW history.predictions IS 'Rows of the models with their features by name.';
