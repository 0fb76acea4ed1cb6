# The program alone on Debian: no compiler, no package tools of ours, no root. `docker build .` compiles it;
# --build-arg PROGRAM=IMAGE takes it, as /leeway, out of an image that has it already.
ARG BUILDER_IMAGE=rust:1.95.0-slim-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim
ARG PROGRAM=builder

FROM ${BUILDER_IMAGE} AS builder
# The image's own compiler is the pinned one; rust-toolchain.toml would fetch the lints as well.
ENV RUSTUP_TOOLCHAIN=1.95.0
RUN rustup target add wasm32-unknown-unknown
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package leeway --bin leeway \
    && cp target/release/leeway /leeway

# hadolint ignore=DL3006
FROM ${PROGRAM} AS program

FROM ${RUNTIME_IMAGE}
# Certificates: for a database that is reached through TLS. The account has a name, because initdb asks for one.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/leeway --shell /usr/sbin/nologin leeway \
    && install -d -o leeway -g leeway -m 0750 /var/lib/leeway /var/cache/leeway
COPY --from=program --chown=root:root --chmod=0755 /leeway /usr/local/bin/leeway
COPY examples/flights/*.csv.gz /usr/share/leeway/flights/
USER 10001:10001
# Compiled detectors are kept in the cache, the example's model in the other. The rest of the file system may be read-only.
ENV LEEWAY_LISTEN=0.0.0.0:5000 \
    LEEWAY_CACHE_DIR=/var/cache/leeway \
    LEEWAY_EXAMPLE_DIR=/var/lib/leeway/example
VOLUME ["/var/cache/leeway", "/var/lib/leeway"]
WORKDIR /var/lib/leeway
EXPOSE 5000 8000
ENTRYPOINT ["leeway"]
CMD ["serve"]
