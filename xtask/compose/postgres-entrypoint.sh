# What the official image does, as far as docker-compose.yml and k8s/ rely on it: a cluster on the first start, made with the
# password of POSTGRES_PASSWORD, and the scripts of the folder run on it while it listens on its socket alone.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    printf '%s' "$POSTGRES_PASSWORD" > /tmp/password
    initdb --username postgres --pwfile /tmp/password --auth-local trust --auth-host scram-sha-256 --encoding UTF8 --pgdata "$PGDATA"
    rm /tmp/password
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
    pg_ctl --pgdata "$PGDATA" --options "-c listen_addresses=''" --wait start
    for script in /docker-entrypoint-initdb.d/*.sh; do
        if [ -x "$script" ]; then "$script"; else . "$script"; fi
    done
    pg_ctl --pgdata "$PGDATA" --mode fast --wait stop
fi
exec postgres -D "$PGDATA" -c listen_addresses='*'
