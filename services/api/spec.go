package api

import (
	_ "embed"

	"fondaco.dev/services/api/internal/spec"
)

// What the service promises to its clients: openapi.yaml makes its routes,
// asyncapi.yaml describes its sockets.
//
//go:embed openapi.yaml
var openapi []byte

//go:embed asyncapi.yaml
var asyncapi []byte

func descriptions() (*spec.Spec, *spec.Async, error) {
	http, err := spec.Load(openapi)
	if err != nil {
		return nil, nil, err
	}
	sockets, err := spec.LoadAsync(asyncapi)
	return http, sockets, err
}
