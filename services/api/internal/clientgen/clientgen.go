// Package clientgen makes from openapi.yaml what would otherwise be written
// beside it: the server's table, interface and parameters, and the clients'
// types and calls in Go and TypeScript, on nothing but what the languages bring.
// What is made is committed; a test holds it equal to what would be made now, and
//
//	UPDATE=1 go test ./internal/clientgen
//
// makes it anew.
package clientgen
