// Package fondaco is the Go client of the api: every route as a typed call,
// made from openapi.yaml, on the standard library alone. Package live beside it
// follows the live feed.
package fondaco

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client asks one api, or a balancer before several. The zero value of
// everything but URL is good; it is safe for concurrent use as long as nothing
// is set meanwhile.
type Client struct {
	URL   string       // http://127.0.0.1:8080
	Token string       // sent as bearer token; "" = none
	HTTP  *http.Client // nil = one that gives an answer a minute
}

// maxAnswer bounds what is read of one answer, in bytes.
const maxAnswer = 64 << 20

var patient = &http.Client{Timeout: time.Minute}

// Error is for logs: the code is what programs branch on.
func (p *Problem) Error() string {
	if p.Parameter != "" {
		return fmt.Sprintf("%s: parameter %s %s (request %s)", p.Code, p.Parameter, p.Detail, p.RequestID)
	}
	return fmt.Sprintf("%s: %s (request %s)", p.Code, p.Detail, p.RequestID)
}

// Refusal is the problem in an error's chain; nil when it is another error.
func Refusal(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return nil
}

// Error says that a command left and nobody knows yet what became of it. Ask
// for the order by its client_order_id, or send the same command again.
func (u *UnknownOutcome) Error() string { return "unknown outcome: " + u.Detail }

// Status is an answer that is neither what was asked for nor a problem: a
// proxy's page, or the event store's sentence.
type Status struct {
	Code int
	Text string // its beginning
}

// Error is for logs.
func (s *Status) Error() string { return fmt.Sprintf("the api answered %d: %s", s.Code, s.Text) }

// text asks for a sentence.
func (c *Client) text(ctx context.Context, method, path string, query url.Values) (string, error) {
	body, err := c.ask(ctx, method, path, query, nil)
	return string(body), err
}

// call asks for JSON.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, body, out any) error {
	data, err := c.ask(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
	}
	return nil
}

func (c *Client) ask(ctx context.Context, method, path string, query url.Values, body any) ([]byte, error) {
	to := strings.TrimSuffix(c.URL, "/") + path
	if len(query) > 0 {
		to += "?" + query.Encode()
	}
	var send io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("writing the body of %s %s: %w", method, path, err)
		}
		send = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, to, send)
	if err != nil {
		return nil, fmt.Errorf("asking %s %s: %w", method, path, err)
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	via := c.HTTP
	if via == nil {
		via = patient
	}
	resp, err := via.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking %s %s: %w", method, path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
	}
	return data, refused(resp, data)
}

// refused is what an answer that is no success says; nil for a success.
func refused(resp *http.Response, data []byte) error {
	switch {
	case resp.StatusCode == http.StatusAccepted:
		u := &UnknownOutcome{}
		if json.Unmarshal(data, u) == nil && u.Status != "" {
			return u
		}
	case resp.StatusCode == http.StatusOK:
		return nil
	case strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json"):
		p := &Problem{}
		if json.Unmarshal(data, p) == nil && p.Code != "" {
			return p
		}
	}
	return &Status{Code: resp.StatusCode, Text: string(data[:min(len(data), 200)])}
}

// put leaves out what is empty: the zero of each parameter is "as the api
// thinks best".
func put(v url.Values, name string, value any) {
	switch x := value.(type) {
	case int64:
		if x != 0 {
			v.Set(name, strconv.FormatInt(x, 10))
		}
	case uint64:
		if x != 0 {
			v.Set(name, strconv.FormatUint(x, 10))
		}
	case bool:
		if x {
			v.Set(name, "true")
		}
	default:
		if s := fmt.Sprint(x); s != "" {
			v.Set(name, s)
		}
	}
}

// segment writes a part of a path.
func segment(value any) string { return url.PathEscape(fmt.Sprint(value)) }
