// Package problem is the one form in which the native routes say no: RFC 9457
// problem+json with a stable code, and the parameter's name where one is at
// fault.
package problem

import (
	"errors"
	"fmt"
	"net/http"
)

// Problem is an error that may be shown to the caller.
type Problem struct {
	Type       string   `json:"type"`
	Title      string   `json:"title"`
	Status     int      `json:"status"`
	Code       string   `json:"code"`
	Detail     string   `json:"detail,omitempty"`
	Parameter  string   `json:"parameter,omitempty"`
	Allowed    []string `json:"allowed,omitempty"`
	Errors     []Field  `json:"errors,omitempty"` // all that is at fault, when it is more than one thing
	RequestID  string   `json:"request_id,omitempty"`
	RetryAfter int      `json:"-"` // seconds; 0 = no Retry-After header
	// RetryAfterMS is the same for who can wait for less than a second.
	RetryAfterMS int64 `json:"retry_after_ms,omitempty"`
}

// Field is one of several things at fault.
type Field struct {
	Field   string   `json:"field"`
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Allowed []string `json:"allowed,omitempty"`
}

// Error is for logs.
func (p *Problem) Error() string {
	if p.Parameter != "" {
		return fmt.Sprintf("%s: parameter %s: %s", p.Code, p.Parameter, p.Detail)
	}
	return fmt.Sprintf("%s: %s", p.Code, p.Detail)
}

// New makes a problem; the title is the status's own text.
func New(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// Parameter says that one parameter is at fault and what would be right.
func Parameter(name, detail string, allowed ...string) *Problem {
	p := New(http.StatusBadRequest, "bad_parameter", detail)
	p.Parameter, p.Allowed = name, allowed
	return p
}

// UnknownParameter says that a parameter does not exist here, and which do.
func UnknownParameter(name string, allowed []string) *Problem {
	p := New(http.StatusBadRequest, "unknown_parameter", "no such parameter here")
	p.Parameter, p.Allowed = name, allowed
	return p
}

// Join makes one problem of several parameters that are at fault: it is the
// first one, and lists all. There must be one at least.
func Join(all []*Problem) *Problem {
	p := *all[0]
	if len(all) == 1 {
		return &p
	}
	for _, one := range all {
		p.Errors = append(p.Errors, Field{Field: one.Parameter, Code: one.Code, Message: one.Detail, Allowed: one.Allowed})
	}
	return &p
}

// NotFound says that the thing does not exist.
func NotFound(what string) *Problem {
	return New(http.StatusNotFound, "not_found", what+" does not exist")
}

// Unavailable says that the answer cannot be given now and may be later.
func Unavailable(code, detail string) *Problem {
	p := New(http.StatusServiceUnavailable, code, detail)
	p.RetryAfter = 1
	return p
}

// Limited says that the caller asked for too much and when to go on, in
// milliseconds.
func Limited(detail string, afterMS int64) *Problem {
	p := New(http.StatusTooManyRequests, "rate_limited", detail)
	p.RetryAfterMS = max(1, afterMS)
	p.RetryAfter = int((p.RetryAfterMS + 999) / 1000)
	return p
}

// Of finds the problem in an error's chain.
func Of(err error) (*Problem, bool) {
	var p *Problem
	ok := errors.As(err, &p)
	return p, ok
}
