# syntax=docker/dockerfile:1
# The image of the operator, for those who build with a container engine: the same files, user, entry point and
# labels as `cargo xtask image` writes without one (xtask/image/tests/dockerfile.rs compares them).
#
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" -t launchdarkly-token-operator:0.1.0 .
#
# The builder is named by tag, because nobody has looked its digest up yet: pin it with
# `docker buildx imagetools inspect rust:1.95.0-bookworm` before you publish what this makes. Releases do not use this file.

FROM rust:1.95.0-bookworm AS build
ARG REVISION=unknown
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/build/target \
    LDTOKENS_BUILD_COMMIT="$REVISION" cargo xtask image --root /image

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
COPY --from=build --chown=0:0 /image/ /
LABEL org.opencontainers.image.created="${CREATED}"
LABEL org.opencontainers.image.description="Creates, rotates and deletes LaunchDarkly API access tokens and keeps their keys in Secrets"
LABEL org.opencontainers.image.licenses="Apache-2.0"
LABEL org.opencontainers.image.revision="${REVISION}"
LABEL org.opencontainers.image.source="https://github.com/launchdarkly-token-operator/launchdarkly-token-operator"
LABEL org.opencontainers.image.title="launchdarkly-token-operator"
LABEL org.opencontainers.image.version="${VERSION}"
WORKDIR /
EXPOSE 8080/tcp
USER 65532:65532
ENTRYPOINT ["/launchdarkly-token-operator"]
