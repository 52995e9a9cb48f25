package jsonrpc

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
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
)

var classNames = map[Class]string{
	ClassTransport: "transport", ClassTimeout: "timeout", ClassTooMuch: "too_much", ClassRateLimited: "rate_limited",
	ClassRefused: "refused", ClassBadAnswer: "bad_answer", ClassRPC: "rpc",
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

func (c *Client) errorf(class Class, format string, args ...any) *Error {
	return &Error{Class: class, Endpoint: c.name, Message: fmt.Sprintf(format, args...)}
}

func (c *Client) rpcError(method string, code int, message string) *Error {
	e := c.errorf(classifyRPC(code, message), "%s: error %d: %s", method, code, glimpse([]byte(message)))
	e.Code = code
	return e
}

// There is no standard for "too many blocks": these are the codes and words of
// the nodes and hosted services in use.
var (
	tooMuchCodes = []int{
		-32005, // EIP-1474 limit exceeded (Infura, Besu)
		-32008, // Nethermind, Tenderly: response too large
		-32012, // Polygon Bor behind proxies: range
		-32062, // Ankr: block range is too large
		-32614, // Base, Blast: eth_getLogs is limited to a 10,000 range
		-32701, // Cloudflare: range
	}
	tooMuchWords = []string{
		"range", "more than", "too many result", "too many logs", "too large", "too big", "too wide", "exceed", "response size",
		"limited to", "timeout", "timed out", "deadline", "query returned", "max results", "maximum",
	}
	rateWords = []string{"rate limit", "ratelimit", "too many requests", "requests per second", "compute units", "throughput", "capacity", "quota", "daily request"}
)

func classifyRPC(code int, message string) Class {
	m := strings.ToLower(message)
	contains := func(words []string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(m, w) })
	}
	switch {
	case contains(rateWords) || code == 429:
		return ClassRateLimited
	case slices.Contains(tooMuchCodes, code) || contains(tooMuchWords):
		return ClassTooMuch
	}
	return ClassRPC
}

// retryAfter reads the header's form in seconds; at most a minute.
func retryAfter(header string) time.Duration {
	s, err := strconv.Atoi(strings.TrimSpace(header))
	if err != nil || s < 0 {
		return 0
	}
	return min(time.Duration(s)*time.Second, time.Minute)
}
