-- Features that are vectors: an embedding of a text, a picture or a customer.

ALTER TABLE model_column
    ADD COLUMN dimension int4,
    DROP CONSTRAINT model_column_kind_check,
    ADD CONSTRAINT model_column_kind_known CHECK (kind IN ('numeric', 'categorical', 'embedding')),
    ADD CONSTRAINT model_column_dimension_known CHECK ((kind = 'embedding') = (dimension IS NOT NULL) AND (kind <> 'embedding' OR role = 'feature'));
COMMENT ON COLUMN model_column.dimension IS 'Numbers of each vector of an embedding; null for other columns.';
COMMENT ON COLUMN model_column.position IS 'Place in prediction.numbers or prediction.codes, from 0; of an embedding the place of its first number in prediction.embedding; 0 for the label.';

-- Null for every row that is there, so nothing is written again.
ALTER TABLE prediction ADD COLUMN embedding float4[];
COMMENT ON COLUMN prediction.embedding IS 'Vectors of the embedding columns, one behind the other by model_column.position; null or beyond the end is missing. Null where the row has no vector.';
-- Numbers of vectors hardly compress: trying to would only take time.
ALTER TABLE prediction ALTER COLUMN embedding SET STORAGE EXTERNAL;

CREATE OR REPLACE VIEW history.columns AS
SELECT m.model_id, c.name, c.role, c.kind, c.schema_version, c.dimension
FROM public.model_column c JOIN public.model m USING (model_no);

CREATE OR REPLACE VIEW history.predictions AS
SELECT m.model_id, p.record_id, p.prediction_time, p.seq, v.values -> 'prediction' AS prediction,
       v.values -> 'probability' AS probability, v.values - '{prediction,probability}'::text[] AS features
FROM public.prediction p
JOIN public.model m USING (model_no)
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_object_agg(c.name, CASE c.kind
            WHEN 'numeric' THEN to_jsonb(p.numbers[c.position + 1])
            WHEN 'embedding' THEN (
                SELECT to_jsonb(s.vector) FROM (SELECT p.embedding[c.position + 1 : c.position + c.dimension] AS vector) s
                WHERE cardinality(array_remove(s.vector, NULL)) > 0)
            ELSE to_jsonb(g.name) END)
        FILTER (WHERE c.role <> 'label'), '{}') AS values
    FROM public.model_column c
    LEFT JOIN public.category g
        ON c.kind = 'categorical' AND g.model_no = c.model_no AND g.column_no = c.column_no AND g.code = p.codes[c.position + 1]
    WHERE c.model_no = p.model_no
) v;
