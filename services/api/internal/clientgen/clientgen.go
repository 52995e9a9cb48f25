// Package clientgen makes the clients from openapi.yaml: types and calls in Go
// and TypeScript, on nothing but what the languages bring. What is made is
// committed; a test holds it equal to what would be made now, and
//
//	UPDATE=1 go test ./internal/clientgen
//
// makes it anew.
package clientgen
