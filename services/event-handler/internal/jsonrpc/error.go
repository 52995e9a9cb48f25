package jsonrpc

import (
	"errors"
	"fmt"
	"time"
)

// Class says what an error asks of the caller.
type Class int

const (
	// ClassTransport: no connection, or it broke.
	ClassTransport Class = iota + 1
	// ClassTimeout: no answer in time. Ask for less, or somebody else.
	ClassTimeout
	// ClassTooMuch: the range, the result or the body is above a limit. Ask for less.
	ClassTooMuch
	// ClassRateLimited: too many calls. Wait.
	ClassRateLimited
	// ClassRefused: not authorised. Another endpoint may do.
	ClassRefused
	// ClassBadAnswer: HTML, broken JSON, another shape.
	ClassBadAnswer
	// ClassRPC: any other error answered by the node.
	ClassRPC
	// ClassServer: a 5xx that says no more. Wait, or ask somebody else.
	ClassServer
	// ClassStalled: the answer began and then dripped. Asking for less does not help.
	ClassStalled
	// ClassPruned: the node no longer has the history that was asked for.
	ClassPruned
	// ClassBehind: the node does not have that height yet.
	ClassBehind
)

var classNames = map[Class]string{
	ClassTransport: "transport", ClassTimeout: "timeout", ClassTooMuch: "too_much", ClassRateLimited: "rate_limited",
	ClassRefused: "refused", ClassBadAnswer: "bad_answer", ClassRPC: "rpc", ClassServer: "server", ClassStalled: "stalled",
	ClassPruned: "pruned", ClassBehind: "behind",
}

// String is the class as a metric label.
func (c Class) String() string { return classNames[c] }

// Error is what an endpoint did wrong.
type Error struct {
	Class    Class
	Endpoint string // scheme and host
	Message  string
	// Code of the JSON-RPC error; 0 when there was none.
	Code int
	// RetryAfter is what the endpoint asked for; 0 when it did not.
	RetryAfter time.Duration
	// Text is the node's own message, Data what it put beside it: the data of a
	// call that reverted. Empty when there was none.
	Text string
	Data []byte
}

func (e *Error) Error() string { return e.Endpoint + " " + e.Message }

// ClassOf returns the class of err, 0 when it is not an *Error.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return 0
}

// AskForLess reports whether the same question about fewer blocks may succeed.
func AskForLess(err error) bool {
	c := ClassOf(err)
	return c == ClassTooMuch || c == ClassTimeout
}

// MayBeTooMuch reports whether a question about several blocks may have been
// too large for the endpoint although its answer does not say so in words that
// are known: an error of the node, or an answer that was cut short.
func MayBeTooMuch(err error) bool {
	switch ClassOf(err) {
	case ClassTooMuch, ClassTimeout, ClassRPC, ClassBadAnswer:
		return true
	}
	return false
}

func (c *Client) errorf(class Class, format string, args ...any) *Error {
	return &Error{Class: class, Endpoint: c.name, Message: c.hide(fmt.Sprintf(format, args...))}
}

func (c *Client) rpcError(method string, code int, message string) *Error {
	e := c.errorf(classifyRPC(code, message), "%s: error %d: %s", method, code, c.glimpse([]byte(message)))
	e.Code = code
	return e
}
