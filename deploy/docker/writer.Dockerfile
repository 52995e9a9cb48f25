# Image of the writer service. Build from the root of the source tree:
#   docker build -f deploy/docker/writer.Dockerfile -t fondaco/writer .
ARG GO_IMAGE=golang:1.26-bookworm
ARG BASE_IMAGE=gcr.io/distroless/static-debian12:nonroot

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY pkg pkg
COPY proto proto
COPY services services
WORKDIR /src/services/writer
RUN CGO_ENABLED=0 GOWORK=off go build -trimpath -ldflags="-s -w" -o /out/writer ./cmd/writer

FROM ${BASE_IMAGE}
COPY --from=build /out/writer /usr/bin/writer
ENV FONDACO_ADMIN_ADDR=:9102
EXPOSE 9102
USER nonroot:nonroot
# The image has no shell: the program asks its own /readyz.
HEALTHCHECK --interval=5s --timeout=6s --start-period=60s --retries=12 CMD ["/usr/bin/writer", "healthcheck"]
ENTRYPOINT ["/usr/bin/writer"]
