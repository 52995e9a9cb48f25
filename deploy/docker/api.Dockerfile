# Image of the api service. Build from the root of the source tree:
#   docker build -f deploy/docker/api.Dockerfile -t fondaco/api .
ARG GO_IMAGE=golang:1.26-bookworm
ARG BASE_IMAGE=gcr.io/distroless/static-debian12:nonroot

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY pkg pkg
COPY proto proto
COPY services services
WORKDIR /src/services/api
RUN CGO_ENABLED=0 GOWORK=off go build -trimpath -ldflags="-s -w" -o /out/api ./cmd/api

FROM ${BASE_IMAGE}
COPY --from=build /out/api /usr/bin/api
ENV FONDACO_ADMIN_ADDR=:9103
ENV FONDACO_HTTP_ADDR=:8080
EXPOSE 8080 9103
USER nonroot:nonroot
# The image has no shell: the program asks its own /readyz.
HEALTHCHECK --interval=5s --timeout=6s --start-period=60s --retries=12 CMD ["/usr/bin/api", "healthcheck"]
ENTRYPOINT ["/usr/bin/api"]
