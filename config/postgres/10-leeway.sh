#!/bin/sh
# Runs once, on an empty Postgres: the database, its owner, and a role for Grafana that sees the schema history and nothing else.
set -eu
psql --no-psqlrc --set=ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
    --set=password="$LEEWAY_DATABASE_PASSWORD" --set=grafana_password="$LEEWAY_GRAFANA_DATABASE_PASSWORD" <<'SQL'
-- CREATEROLE: the service makes a role of its own for the statements of POST /v1/sql.
CREATE ROLE leeway LOGIN CREATEROLE PASSWORD :'password';
CREATE DATABASE leeway OWNER leeway;
-- That role, by the name that the service gives it: what it may read, Grafana may read too.
SELECT 'leeway_reader_' || left(md5('leeway'), 8) AS reader \gset
SET ROLE leeway;
CREATE ROLE :reader NOLOGIN;
RESET ROLE;
CREATE ROLE leeway_grafana LOGIN INHERIT CONNECTION LIMIT 16 PASSWORD :'grafana_password' IN ROLE :reader;
ALTER ROLE leeway_grafana SET default_transaction_read_only = on;
ALTER ROLE leeway_grafana SET statement_timeout = '30s';
ALTER ROLE leeway_grafana SET search_path = history;
SQL
