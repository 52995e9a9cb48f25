# Image of the event-handler service. Build from the root of the source tree:
#   docker build -f deploy/docker/event-handler.Dockerfile -t fondaco/event-handler .
ARG GO_IMAGE=golang:1.26-bookworm
ARG BASE_IMAGE=gcr.io/distroless/static-debian12:nonroot

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY pkg pkg
COPY proto proto
COPY services services
WORKDIR /src/services/event-handler
RUN CGO_ENABLED=0 GOWORK=off go build -trimpath -ldflags="-s -w" -o /out/event-handler ./cmd/event-handler

FROM ${BASE_IMAGE}
COPY --from=build /out/event-handler /usr/bin/event-handler
ENV FONDACO_ADMIN_ADDR=:9101
EXPOSE 9101
USER nonroot:nonroot
# The image has no shell: the program asks its own /readyz.
HEALTHCHECK --interval=5s --timeout=6s --start-period=60s --retries=12 CMD ["/usr/bin/event-handler", "healthcheck"]
ENTRYPOINT ["/usr/bin/event-handler"]
