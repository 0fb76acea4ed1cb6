# Stands in for Grafana, which cannot be had where no registry can be reached: it only sits where Grafana sits, so that what
# Grafana would be given can be tried from there.
FROM debian:bookworm-slim
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends curl postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 472 --no-create-home grafana \
    && install -d -o 472 /var/lib/grafana
USER 472
EXPOSE 3000
# It has nothing to finish.
STOPSIGNAL SIGKILL
ENTRYPOINT ["sleep", "infinity"]
