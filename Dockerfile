# The program on Debian, and the interpreters of detectors in source: no compiler, no package tools of ours, no root.
# `docker build .` builds them; --build-arg PROGRAM=IMAGE takes them, as /leeway and /interpreters, out of an image that has them already.
ARG BUILDER_IMAGE=rust:1.95.0-slim-bookworm
ARG NODE_IMAGE=node:20-bookworm-slim
ARG RUNTIME_IMAGE=debian:bookworm-slim
ARG PROGRAM=builder

# The interpreter of JavaScript is put together by a program for Node 20 or newer, which Debian 12 lacks.
FROM ${NODE_IMAGE} AS node

FROM ${BUILDER_IMAGE} AS builder
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
# The image's own compiler is the pinned one; rust-toolchain.toml would fetch the lints as well.
ENV RUSTUP_TOOLCHAIN=1.95.0
RUN rustup target add wasm32-unknown-unknown
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package leeway --bin leeway \
    && cp target/release/leeway /leeway \
    && cargo xtask interpreters /interpreters

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
COPY --from=program --chown=root:root /interpreters /usr/local/share/leeway/interpreters
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
