-- Detectors that teams upload: their versions, what was done with each, and what runs beside an active one.

CREATE TABLE detector_version (
    name         text NOT NULL,
    version      text NOT NULL,
    digest       text NOT NULL CONSTRAINT detector_version_digest_key UNIQUE,
    form         text NOT NULL CHECK (form IN ('component', 'source')),
    language     text,
    bytes        bytea NOT NULL,
    limits       jsonb NOT NULL,
    descriptor   jsonb NOT NULL,
    state        text NOT NULL CHECK (state IN ('uploaded', 'refused', 'certified', 'active', 'shadow', 'retired', 'quarantined')),
    reason       text,
    card         jsonb,
    compared     text,
    changes      jsonb,
    uploaded_by  text,
    created_at   timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    activated_at timestamptz,
    CONSTRAINT detector_version_pkey PRIMARY KEY (name, version),
    CONSTRAINT detector_version_language CHECK ((form = 'source') = (language IS NOT NULL))
);
ALTER TABLE detector_version ALTER COLUMN bytes SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX detector_version_active_key ON detector_version (name) WHERE state = 'active';
CREATE UNIQUE INDEX detector_version_shadow_key ON detector_version (name) WHERE state = 'shadow';
CREATE INDEX detector_version_uploaded ON detector_version (created_at) WHERE state = 'uploaded';
COMMENT ON TABLE detector_version IS 'Uploaded detectors, version by version. Those that come with the host are not in here.';
COMMENT ON COLUMN detector_version.name IS 'Name, as the detector describes itself.';
COMMENT ON COLUMN detector_version.version IS 'MAJOR.MINOR.PATCH, as the detector describes itself.';
COMMENT ON COLUMN detector_version.digest IS 'SHA-256 of what was uploaded, in hexadecimal: of a component its bytes, of source its text, its language and its interpreter.';
COMMENT ON COLUMN detector_version.form IS 'What was uploaded: a component, or source that an interpreter component runs.';
COMMENT ON COLUMN detector_version.language IS 'Language of the source; null for a component.';
COMMENT ON COLUMN detector_version.bytes IS 'What was uploaded.';
COMMENT ON COLUMN detector_version.limits IS 'What one call may use, where that is less than the host allows.';
COMMENT ON COLUMN detector_version.descriptor IS 'What the detector says of itself.';
COMMENT ON COLUMN detector_version.state IS 'uploaded: waits for its report card; refused: the card says no; certified: may be used; active: what monitors that name the detector use; shadow: runs beside the active one; retired: was in use; quarantined: taken out of use, see reason.';
COMMENT ON COLUMN detector_version.reason IS 'Why it is refused or quarantined.';
COMMENT ON COLUMN detector_version.card IS 'Its report card.';
COMMENT ON COLUMN detector_version.compared IS 'Version whose card it was compared with.';
COMMENT ON COLUMN detector_version.changes IS 'What became dearer, cheaper, worse or better since then.';
COMMENT ON COLUMN detector_version.uploaded_by IS 'Name of the token that uploaded it; null where the server asks for none.';
COMMENT ON COLUMN detector_version.created_at IS 'When it was uploaded.';
COMMENT ON COLUMN detector_version.changed_at IS 'When its state was changed last.';
COMMENT ON COLUMN detector_version.activated_at IS 'When it was made active last; null for never.';

CREATE TABLE detector_revision (
    only_one bool PRIMARY KEY DEFAULT true CHECK (only_one),
    revision int8 NOT NULL
);
INSERT INTO detector_revision (revision) VALUES (0);
COMMENT ON TABLE detector_revision IS 'One row: whoever changes a version raises its number in the same transaction, and a host that knows the number knows the versions.';
COMMENT ON COLUMN detector_revision.only_one IS 'Always true.';
COMMENT ON COLUMN detector_revision.revision IS 'Raised by every change of detector_version.';

CREATE TABLE detector_event (
    event_no   int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    token_id   text,
    token_name text,
    action     text NOT NULL,
    name       text,
    version    text,
    digest     text,
    outcome    text NOT NULL CHECK (outcome IN ('done', 'refused')),
    detail     text
);
CREATE INDEX detector_event_name ON detector_event (name, event_no);
COMMENT ON TABLE detector_event IS 'The audit: every step of every version, refused ones too. Rows are added, never changed.';
COMMENT ON COLUMN detector_event.event_no IS 'Order of the events.';
COMMENT ON COLUMN detector_event.at IS 'When it happened.';
COMMENT ON COLUMN detector_event.token_id IS 'token.token_id of who asked; null where the server asks for no token, or did it itself.';
COMMENT ON COLUMN detector_event.token_name IS 'Name of that token.';
COMMENT ON COLUMN detector_event.action IS 'upload, certify, activate, shadow, retire, quarantine, delete or backtest.';
COMMENT ON COLUMN detector_event.name IS 'The detector; null where it did not come to say its name.';
COMMENT ON COLUMN detector_event.version IS 'The version.';
COMMENT ON COLUMN detector_event.digest IS 'SHA-256 of what was uploaded.';
COMMENT ON COLUMN detector_event.outcome IS 'Whether it was done.';
COMMENT ON COLUMN detector_event.detail IS 'Why not, or what came of it.';

-- Which monitors name a detector.
CREATE INDEX monitor_detector ON monitor ((spec ->> 'detector'));

ALTER TABLE monitor_state ADD COLUMN stream_digest text;
COMMENT ON COLUMN monitor_state.stream_digest IS 'SHA-256 of the detector whose stream_state it is; null where it was written by a host that knew one version only.';

CREATE TABLE stream_state (
    monitor_no          int8 NOT NULL REFERENCES monitor ON DELETE CASCADE,
    digest              text NOT NULL,
    revision            int4 NOT NULL,
    evaluated_seq       int8 NOT NULL,
    evaluated_label_seq int8 NOT NULL,
    state               bytea NOT NULL,
    failures            int4 NOT NULL DEFAULT 0,
    retry_at            timestamptz,
    changed_at          timestamptz NOT NULL,
    PRIMARY KEY (monitor_no, digest)
);
COMMENT ON TABLE stream_state IS 'Where versions of a stream detector stand that are not the one in use: a shadow, or one that may come back.';
COMMENT ON COLUMN stream_state.monitor_no IS 'The monitor.';
COMMENT ON COLUMN stream_state.digest IS 'SHA-256 of the detector.';
COMMENT ON COLUMN stream_state.revision IS 'Revision of the monitor that this is the state of; of another revision it counts for nothing.';
COMMENT ON COLUMN stream_state.evaluated_seq IS 'The last row that it was given.';
COMMENT ON COLUMN stream_state.evaluated_label_seq IS 'The last label that it was given.';
COMMENT ON COLUMN stream_state.state IS 'What it hands to its next call.';
COMMENT ON COLUMN stream_state.failures IS 'Failures in a row, of a shadow.';
COMMENT ON COLUMN stream_state.retry_at IS 'Not called again before this, after a failure.';
COMMENT ON COLUMN stream_state.changed_at IS 'When it was written.';

ALTER TABLE evaluation ADD COLUMN shadow bool NOT NULL DEFAULT false;
-- What detectors wrote, version by version. Few evaluations have a log.
CREATE INDEX evaluation_log ON evaluation (detector, evaluated_at) WHERE log <> '[]';
COMMENT ON COLUMN evaluation.shadow IS 'Whether a version ran that is not in use: beside the active one, or over the past.';

ALTER TABLE backtest ADD COLUMN detector text, ADD COLUMN comparison jsonb;
COMMENT ON COLUMN backtest.detector IS 'name@version that is tried in place of the monitor''s own; null for its own.';
COMMENT ON COLUMN backtest.comparison IS 'Of a version that is tried: where its verdicts differ from those of the monitor''s own.';

COMMENT ON COLUMN token.scopes IS 'ingest, read, detectors, admin.';

-- Numbers of a version that is not in use are no results: they stand in views of their own.
CREATE OR REPLACE VIEW history.evaluations AS
SELECT e.evaluation_no, e.evaluated_at, m.model_id, o.name AS monitor, e.detector, e.kind, e.cause, e.outcome, e.reason,
       e.window_from, e.window_to, e.reference_rows, e.current_rows, e.labelled_rows, e.duration_seconds
FROM public.evaluation e JOIN public.model m USING (model_no) JOIN public.monitor o USING (monitor_no)
WHERE NOT e.shadow;

CREATE OR REPLACE VIEW history.measurements AS
SELECT x.measured_at, m.model_id, o.name AS monitor, e.detector, e.kind, x.metric, x.column_name, x.value, x.effect, x.p_value,
       x.p_adjusted, x.threshold, x.threshold_kind, x.verdict, x.reference_rows, x.current_rows, x.missing_share, x.unseen_share,
       e.window_from, e.window_to, e.cause, x.evaluation_no, x.row_seq, x.detail
FROM public.measurement x
JOIN public.evaluation e ON e.evaluation_no = x.evaluation_no AND e.evaluated_at = x.measured_at
JOIN public.model m ON m.model_no = x.model_no
JOIN public.monitor o ON o.monitor_no = x.monitor_no
WHERE NOT e.shadow;

CREATE VIEW history.shadow_evaluations AS
SELECT e.evaluation_no, e.evaluated_at, m.model_id, o.name AS monitor, e.detector, e.kind, e.cause, e.outcome, e.reason,
       e.window_from, e.window_to, e.reference_rows, e.current_rows, e.labelled_rows, e.duration_seconds
FROM public.evaluation e JOIN public.model m USING (model_no) JOIN public.monitor o USING (monitor_no)
WHERE e.shadow;
COMMENT ON VIEW history.shadow_evaluations IS 'Runs of versions that are not in use: beside the active one, and of backtests that try one.';

CREATE VIEW history.shadow_measurements AS
SELECT x.measured_at, m.model_id, o.name AS monitor, e.detector, e.kind, x.metric, x.column_name, x.value, x.effect, x.p_value,
       x.p_adjusted, x.threshold, x.threshold_kind, x.verdict, x.reference_rows, x.current_rows, x.missing_share, x.unseen_share,
       e.window_from, e.window_to, e.cause, x.evaluation_no, x.row_seq, x.detail
FROM public.measurement x
JOIN public.evaluation e ON e.evaluation_no = x.evaluation_no AND e.evaluated_at = x.measured_at
JOIN public.model m ON m.model_no = x.model_no
JOIN public.monitor o ON o.monitor_no = x.monitor_no
WHERE e.shadow;
COMMENT ON VIEW history.shadow_measurements IS 'Numbers that versions gave which are not in use.';

CREATE VIEW history.detectors AS
SELECT d.name, d.version, d.state, d.reason, d.descriptor ->> 'kind' AS kind, d.form, d.language, d.digest, length(d.bytes) AS size_bytes, d.limits,
       (d.card ->> 'certified')::bool AS certified, d.card, d.compared, d.changes, d.uploaded_by, d.created_at, d.changed_at, d.activated_at
FROM public.detector_version d;
COMMENT ON VIEW history.detectors IS 'Versions of uploaded detectors.';

CREATE VIEW history.detector_events AS
SELECT v.event_no, v.at, v.token_name, v.action, v.name, v.version, v.digest, v.outcome, v.detail
FROM public.detector_event v;
COMMENT ON VIEW history.detector_events IS 'What was done with detectors, and by whom.';
