// Package operation is what openapi.yaml asks of the server, as Go: a table of
// all operations, an interface with a method for each, and for each a type that
// holds its parameters. Its generated part is made from the description by
// package clientgen; so an operation that nobody answers does not compile, and
// neither does a handler whose operation, or a use of a parameter that the
// description no longer has.
//
// An operation's type is filled from a request that was checked against the
// description's schemas before. It takes over what a type can hold, a default,
// bounds and words; patterns are the schemas' alone. The types' strings may lie
// in the request: they are valid until it is answered.
package operation

import (
	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/auth"
)

// Operation is a row of the table: a route and what answers it.
type Operation struct {
	ID     string
	Method string
	Path   string // as in the description: /v1/networks/{network}
	Policy auth.Policy
	// Answer reads the parameters and gives them to the server's method. Its
	// error is the method's, or a *problem.Problem that names a parameter.
	Answer func(Server, echo.Context) error
}

// Maybe is a parameter that may be absent and has no default.
type Maybe[T any] struct {
	Value T
	Given bool
}

// Or is the value, or another one where it is absent.
func (m Maybe[T]) Or(other T) T {
	if m.Given {
		return m.Value
	}
	return other
}
