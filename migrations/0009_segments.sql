-- Monitors by segments, when a change began, and false alarms bounded over time.

ALTER TABLE measurement ADD COLUMN segment text, ADD COLUMN began_at timestamptz, ADD COLUMN began_earliest timestamptz,
    ADD COLUMN began_latest timestamptz;
COMMENT ON COLUMN measurement.segment IS 'The segment of rows that it is about; null for all rows.';
COMMENT ON COLUMN measurement.began_at IS 'Of drift: prediction time of the first rows that the change is in, estimated.';
COMMENT ON COLUMN measurement.began_earliest IS 'Where the 95% interval of began_at starts; null where it may have begun before the first row looked at.';
COMMENT ON COLUMN measurement.began_latest IS 'Where it ends.';

ALTER TABLE monitor_state ADD COLUMN spent_to timestamptz;
COMMENT ON COLUMN monitor_state.spent_to IS 'The level of false alarms is spent for prediction times up to this; null where none was.';

CREATE OR REPLACE VIEW history.measurements AS
SELECT x.measured_at, m.model_id, o.name AS monitor, e.detector, e.kind, x.metric, x.column_name, x.value, x.effect, x.p_value,
       x.p_adjusted, x.threshold, x.threshold_kind, x.verdict, x.reference_rows, x.current_rows, x.missing_share, x.unseen_share,
       e.window_from, e.window_to, e.cause, x.evaluation_no, x.row_seq, x.detail, x.segment, x.began_at, x.began_earliest, x.began_latest
FROM public.measurement x
JOIN public.evaluation e ON e.evaluation_no = x.evaluation_no AND e.evaluated_at = x.measured_at
JOIN public.model m ON m.model_no = x.model_no
JOIN public.monitor o ON o.monitor_no = x.monitor_no
WHERE NOT e.shadow;

CREATE OR REPLACE VIEW history.shadow_measurements AS
SELECT x.measured_at, m.model_id, o.name AS monitor, e.detector, e.kind, x.metric, x.column_name, x.value, x.effect, x.p_value,
       x.p_adjusted, x.threshold, x.threshold_kind, x.verdict, x.reference_rows, x.current_rows, x.missing_share, x.unseen_share,
       e.window_from, e.window_to, e.cause, x.evaluation_no, x.row_seq, x.detail, x.segment, x.began_at, x.began_earliest, x.began_latest
FROM public.measurement x
JOIN public.evaluation e ON e.evaluation_no = x.evaluation_no AND e.evaluated_at = x.measured_at
JOIN public.model m ON m.model_no = x.model_no
JOIN public.monitor o ON o.monitor_no = x.monitor_no
WHERE e.shadow;
