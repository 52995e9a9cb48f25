# Image of the devnet service. Build from the root of the source tree:
#   docker build -f deploy/docker/devnet.Dockerfile -t fondaco/devnet .
ARG GO_IMAGE=golang:1.26-bookworm
ARG BASE_IMAGE=gcr.io/distroless/static-debian12:nonroot

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY pkg pkg
COPY proto proto
COPY services services
WORKDIR /src/services/devnet
RUN CGO_ENABLED=0 GOWORK=off go build -trimpath -ldflags="-s -w" -o /out/devnet ./cmd/devnet \
    && mkdir -p /out/data

FROM ${BASE_IMAGE}
COPY --from=build /out/devnet /usr/bin/devnet
COPY --from=build --chown=nonroot:nonroot /out/data /data
ENV FONDACO_ADMIN_ADDR=:9105
ENV FONDACO_DEVNET_DATA_DIR=/data \
    FONDACO_DEVNET_EVM_HTTP=0.0.0.0:8545 \
    FONDACO_DEVNET_EVM_WS=0.0.0.0:8546 \
    FONDACO_DEVNET_CASPER_SSE=0.0.0.0:9999 \
    FONDACO_DEVNET_CASPER_RPC=0.0.0.0:7777
VOLUME /data
EXPOSE 8545 8546 9999 7777 9105
USER nonroot:nonroot
# The image has no shell: the program asks its own /readyz.
HEALTHCHECK --interval=5s --timeout=6s --start-period=60s --retries=12 CMD ["/usr/bin/devnet", "healthcheck"]
ENTRYPOINT ["/usr/bin/devnet"]
