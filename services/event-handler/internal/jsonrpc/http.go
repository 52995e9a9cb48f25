package jsonrpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// post sends one body and reads the answer up to MaxBody.
func (c *Client) post(ctx context.Context, body []byte) ([]byte, error) {
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
	data, err := io.ReadAll(io.LimitReader(res.Body, c.opts.MaxBody+1))
	switch {
	case err != nil:
		return nil, c.transport(ctx, err)
	case int64(len(data)) > c.opts.MaxBody:
		return nil, c.errorf(ClassTooMuch, "answered more than %d bytes", c.opts.MaxBody)
	}
	first := firstByte(data)
	isJSON := first == '{' || first == '['
	switch s := res.StatusCode; {
	case s == http.StatusTooManyRequests:
		e := c.errorf(ClassRateLimited, "answered status 429")
		e.RetryAfter = retryAfter(res.Header.Get("Retry-After"))
		return nil, e
	case s == http.StatusRequestEntityTooLarge:
		return nil, c.errorf(ClassTooMuch, "answered status 413")
	case s == http.StatusGatewayTimeout, s == http.StatusRequestTimeout, s == 524: // 524: a CDN's timeout
		return nil, c.errorf(ClassTimeout, "answered status %d", s)
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		return nil, c.errorf(ClassRefused, "answered status %d: %s", s, glimpse(data))
	case s >= 300 && !isJSON:
		return nil, c.errorf(ClassBadAnswer, "answered status %d: %s", s, glimpse(data))
	}
	return data, nil
}

func (c *Client) transport(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
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

// glimpse shows the beginning of an answer in one short printable line.
func glimpse(data []byte) string {
	if len(data) == 0 {
		return "(empty)"
	}
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == '\u007f' || r == '\ufffd' {
			return ' '
		}
		return r
	}, string(data[:min(len(data), 400)]))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 120 {
		text = strings.ToValidUTF8(text[:120], "") + "…"
	}
	return fmt.Sprintf("%q", text)
}
