# Image of the orderbook service. Build from the root of the source tree:
#   docker build -f deploy/docker/orderbook.Dockerfile -t fondaco/orderbook .
ARG GO_IMAGE=golang:1.26-bookworm
ARG BASE_IMAGE=gcr.io/distroless/static-debian12:nonroot

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY pkg pkg
COPY proto proto
COPY services services
WORKDIR /src/services/orderbook
RUN CGO_ENABLED=0 GOWORK=off go build -trimpath -ldflags="-s -w" -o /out/orderbook ./cmd/orderbook

FROM ${BASE_IMAGE}
COPY --from=build /out/orderbook /usr/bin/orderbook
ENV FONDACO_ADMIN_ADDR=:9104
EXPOSE 9104
USER nonroot:nonroot
# The image has no shell: the program asks its own /readyz.
HEALTHCHECK --interval=5s --timeout=6s --start-period=60s --retries=12 CMD ["/usr/bin/orderbook", "healthcheck"]
ENTRYPOINT ["/usr/bin/orderbook"]
