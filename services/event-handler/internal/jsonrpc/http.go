package jsonrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// post sends one body and reads the answer up to MaxBody.
func (c *Client) post(ctx context.Context, body []byte) ([]byte, error) {
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, c.errorf(ClassTransport, "building a request: %v", redact(err))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.transport(ctx, err)
	}
	defer res.Body.Close()
	data, err := read(res.Body, res.ContentLength, c.opts.MaxBody, c.opts.Stall, abort)
	switch {
	case err != nil:
		return nil, c.transport(ctx, err)
	case int64(len(data)) > c.opts.MaxBody:
		return nil, c.errorf(ClassTooMuch, "answered more than %d bytes", c.opts.MaxBody)
	}
	if res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 300 && !tellsError(data) {
		e := c.status(res.StatusCode, data)
		e.RetryAfter = retryAfter(res.Header.Get("Retry-After"), time.Now())
		return nil, e
	}
	return data, nil
}

// status reads an HTTP status whose body is no JSON-RPC error.
func (c *Client) status(s int, data []byte) *Error {
	switch {
	case s == http.StatusTooManyRequests:
		return c.errorf(ClassRateLimited, "answered status 429")
	case s == http.StatusRequestEntityTooLarge:
		return c.errorf(ClassTooMuch, "answered status 413")
	case s == http.StatusGatewayTimeout, s == http.StatusRequestTimeout, s == 524: // 524: a CDN's timeout
		return c.errorf(ClassTimeout, "answered status %d", s)
	case s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusPaymentRequired:
		return c.errorf(ClassRefused, "answered status %d: %s", s, c.glimpse(data))
	case s >= 500:
		return c.errorf(ClassServer, "answered status %d: %s", s, c.glimpse(data))
	}
	return c.errorf(ClassBadAnswer, "answered status %d: %s", s, c.glimpse(data))
}

// tellsError reports whether the body of an unhappy status is a JSON-RPC error,
// which says more than the status: hosted nodes answer 400 and 500 with one.
func tellsError(data []byte) bool {
	var one response
	switch firstByte(data) {
	case '{':
		return json.Unmarshal(data, &one) == nil && one.Error != nil && one.Error.Message != ""
	case '[':
		var many []response
		return json.Unmarshal(data, &many) == nil && len(many) > 0 && many[0].Error != nil
	}
	return false
}

// transport reads an error of the connection. The end of ctx is its own error,
// unless ctx had a deadline: then it is the endpoint that was too slow.
func (c *Client) transport(ctx context.Context, err error) error {
	var ne net.Error
	switch {
	case errors.Is(context.Cause(ctx), errStalled):
		return c.errorf(ClassStalled, "answered less than %d bytes within %v, and no end", minProgress, c.opts.Stall)
	case ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ctx.Err()
	case ctx.Err() != nil:
		return c.errorf(ClassTimeout, "no answer in time")
	case errors.As(err, &ne) && ne.Timeout():
		return c.errorf(ClassTimeout, "no answer within %v", c.opts.Timeout)
	}
	return c.errorf(ClassTransport, "%v", redact(err))
}

// redact takes the URL out of the HTTP client's errors.
func redact(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

func firstByte(data []byte) byte {
	if t := bytes.TrimLeft(data, " \t\r\n"); len(t) > 0 {
		return t[0]
	}
	return 0
}

// glimpse shows the beginning of an answer in one short printable line. A key is
// taken out before the rest is cut off, which might leave half of it.
func (c *Client) glimpse(data []byte) string {
	if len(data) == 0 {
		return "(empty)"
	}
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == '\u007f' || r == '\ufffd' {
			return ' '
		}
		return r
	}, c.hide(string(data[:min(len(data), 400)])))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 120 {
		text = strings.ToValidUTF8(text[:120], "") + "…"
	}
	return fmt.Sprintf("%q", text)
}
