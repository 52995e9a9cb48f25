# Image of the operator's commands (fondaco streams apply, fondaco account
# create). It holds no Postgres: `fondaco up` is for machines that do. Build from
# the root of the source tree:
#   docker build -f deploy/docker/fondaco.Dockerfile -t fondaco/fondaco .
ARG GO_IMAGE=golang:1.26-bookworm
ARG BASE_IMAGE=gcr.io/distroless/static-debian12:nonroot

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY pkg pkg
COPY proto proto
COPY services services
COPY deploy/fondaco deploy/fondaco
WORKDIR /src/deploy/fondaco
RUN CGO_ENABLED=0 GOWORK=off go build -trimpath -ldflags="-s -w" -o /out/fondaco ./cmd/fondaco

FROM ${BASE_IMAGE}
COPY --from=build /out/fondaco /usr/bin/fondaco
USER nonroot:nonroot
ENTRYPOINT ["/usr/bin/fondaco"]
