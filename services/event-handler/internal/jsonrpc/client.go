// Package jsonrpc is a JSON-RPC 2.0 client over HTTP for nodes that may answer
// anything: HTML, half a body, somebody else's chain, ten thousand errors. It
// does not retry: the caller decides by the class of the error.
package jsonrpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Client talks to one endpoint.
type Client struct {
	url  string
	name string
	// private replaces what of the URL may be a key; see hide.
	private *strings.Replacer
	http    *http.Client
	opts    Options
	// single: the endpoint refused a batch, so calls go one by one.
	single atomic.Bool
	bucket *rate.Limiter // nil: no limit
	count  counters
}

// Options bound a client. Zero fields take the default.
type Options struct {
	// Timeout of one HTTP exchange. Default 30 s.
	Timeout time.Duration
	// MaxBody is the largest answer that is read, in bytes. Default 64 MiB.
	MaxBody int64
	// MaxBatch is the most calls of one request. Default 100 (go-ethereum
	// takes 1,000, hosted nodes often less).
	MaxBatch int
	// PerSecond is the most calls a second, each call of a batch counted; the
	// client waits for its turn. 0: any number.
	PerSecond uint64
	// Stall is within what time an answer that has begun must grow. Default 10 s.
	Stall time.Duration
	// Transport carries the requests; nil: HTTP over TCP.
	Transport http.RoundTripper
}

// Call is one call of a batch. Err is set by Batch when the node answered the
// call with an error, or Result could not be read.
type Call struct {
	Method string
	// Params is a slice, or a struct or map for named ones; nil = none.
	Params any
	// Result is a pointer for json.Unmarshal, or a Decoder. A JSON null leaves
	// it alone.
	Result any
	Err    error
}

// Decoder is a result that decodes itself. data is one JSON value whose quotes
// and brackets match; the rest is the decoder's to find out. It may not be kept.
type Decoder interface{ DecodeJSON(data []byte) error }

// New returns a client for an http:// or https:// URL.
func New(rawURL string, opts Options) (*Client, error) {
	u, err := url.Parse(rawURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("rpc endpoint %s is not an http(s) URL", Name(rawURL))
	}
	if opts.Timeout <= 0 {
		opts.Timeout = 30 * time.Second
	}
	if opts.MaxBody <= 0 {
		opts.MaxBody = 64 << 20
	}
	if opts.MaxBatch <= 0 {
		opts.MaxBatch = 100
	}
	if opts.Stall <= 0 {
		opts.Stall = 10 * time.Second
	}
	if opts.PerSecond > 0 {
		opts.PerSecond = min(opts.PerSecond, 1<<20)
		opts.MaxBatch = min(opts.MaxBatch, int(opts.PerSecond)) // a larger one would never be allowed at once
	}
	c := &Client{url: rawURL, name: Name(rawURL), private: private(u), opts: opts, bucket: bucket(opts.PerSecond)}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	tr := &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c.count.dials.Add(1)
			return dialer.DialContext(ctx, network, addr)
		},
		TLSHandshakeTimeout:   10 * time.Second,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       60 * time.Second,
		ForceAttemptHTTP2:     true,
		ResponseHeaderTimeout: opts.Timeout,
		// A connection whose other end is gone: HTTP/1 drops it with the request
		// that timed out, HTTP/2 would send the next one into it too.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
	}
	if opts.Transport == nil {
		opts.Transport = tr
	}
	c.http = &http.Client{Transport: opts.Transport, Timeout: opts.Timeout, CheckRedirect: stay}
	return c, nil
}

// stay: a node that points elsewhere is a wrong answer; the URL may hold a key.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Name is what an endpoint is called in logs and metrics: scheme and host only,
// since hosted nodes carry the customer's key in the path.
func Name(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" {
		return "(unreadable URL)"
	}
	return u.Scheme + "://" + u.Host
}

// Name of the endpoint, without what may be secret.
func (c *Client) Name() string { return c.name }

// BatchSize is the most calls of one exchange.
func (c *Client) BatchSize() int { return c.opts.MaxBatch }

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Call makes one call; its error is *Error.
func (c *Client) Call(ctx context.Context, result any, method string, params any) error {
	call := Call{Method: method, Params: params, Result: result}
	if err := c.send(ctx, []*Call{&call}, false); err != nil {
		return err
	}
	return call.Err
}

// Batch makes all calls, in requests of at most MaxBatch. Its error is *Error
// and speaks of the exchange; what a single call met is in Call.Err.
func (c *Client) Batch(ctx context.Context, calls []*Call) error {
	for len(calls) > 0 {
		n := min(len(calls), c.opts.MaxBatch)
		if c.single.Load() {
			n = 1
		}
		err := c.send(ctx, calls[:n], n > 1)
		if errors.Is(err, errNoBatch) {
			c.single.Store(true)
			continue
		}
		if err != nil {
			return err
		}
		calls = calls[n:]
	}
	return nil
}

// First returns the first error among the calls.
func First(calls []*Call) error {
	for _, call := range calls {
		if call.Err != nil {
			return call.Err
		}
	}
	return nil
}

// errNoBatch: the endpoint answered a batch with one object.
var errNoBatch = errors.New("the endpoint takes no batches")

type request struct {
	Version string `json:"jsonrpc"`
	ID      int    `json:"id"`
	Method  string `json:"method"`
	Params  any    `json:"params"`
}

type response struct {
	ID     json.RawMessage `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	} `json:"error"`
}

// exchange sends calls as one HTTP request and reads the answers.
func (c *Client) exchange(ctx context.Context, calls []*Call, batch bool) error {
	reqs := make([]request, len(calls))
	for i, call := range calls {
		call.Err = nil
		params := call.Params
		if params == nil {
			params = []any{}
		}
		reqs[i] = request{Version: "2.0", ID: i + 1, Method: call.Method, Params: params}
	}
	var payload any = reqs
	if !batch {
		payload = reqs[0]
	}
	body, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("serializing a request: %w", err)
	}
	data, err := c.post(ctx, body)
	if err != nil {
		return err
	}
	defer release(data) // results were copied out of it
	var answers []response
	first := firstByte(data)
	switch {
	case first == '[':
		var ok bool
		if answers, ok = split(data); !ok {
			answers = nil
			err = json.Unmarshal(data, &answers)
		}
	case first == '{' && !batch:
		var ok bool
		if answers, ok = split(data); !ok {
			answers = make([]response, 1)
			err = json.Unmarshal(data, &answers[0])
		}
		if err == nil && len(answers[0].ID) == 0 && answers[0].Error == nil && answers[0].Result == nil {
			return c.errorf(ClassBadAnswer, "answered with JSON that is no JSON-RPC")
		}
		answers[0].ID = json.RawMessage("1") // an error may come with id null
	case first == '{':
		var one response
		if err = json.Unmarshal(data, &one); err == nil {
			if one.Error == nil {
				return errNoBatch
			}
			if e := c.rpcError("(batch)", one.Error.Code, one.Error.Message); e.Class == ClassRateLimited || e.Class == ClassTooMuch {
				return e
			}
			return errNoBatch
		}
	default:
		return c.errorf(ClassBadAnswer, "answered with no JSON: %s", c.glimpse(data))
	}
	if err != nil {
		return c.errorf(ClassBadAnswer, "answered with broken JSON (%d bytes): %v", len(data), err)
	}
	return c.assign(calls, answers)
}

// assign gives each call its answer; they may come in any order.
func (c *Client) assign(calls []*Call, answers []response) error {
	seen := make([]bool, len(calls))
	for i := range answers {
		a := &answers[i]
		var id int
		if err := json.Unmarshal(a.ID, &id); err != nil || id < 1 || id > len(calls) || seen[id-1] {
			if a.Error != nil {
				return c.rpcError("(batch)", a.Error.Code, a.Error.Message)
			}
			return c.errorf(ClassBadAnswer, "answered a call that was not made (id %s)", c.glimpse(a.ID))
		}
		seen[id-1] = true
		call := calls[id-1]
		switch {
		case a.Error != nil:
			call.Err = c.rpcError(call.Method, a.Error.Code, a.Error.Message).with(c.hide(a.Error.Message), a.Error.Data)
		case len(a.Result) == 0:
			call.Err = c.errorf(ClassBadAnswer, "%s: answered neither result nor error", call.Method)
		case string(a.Result) == "null":
		default:
			if err := decode(a.Result, call.Result); err != nil {
				call.Err = c.errorf(ClassBadAnswer, "%s: answered a result of another shape: %v", call.Method, err)
			}
		}
	}
	for i, ok := range seen {
		if !ok {
			return c.errorf(ClassBadAnswer, "left out the answer to %s (%d of %d answered)", calls[i].Method, len(answers), len(calls))
		}
	}
	return nil
}

func decode(data []byte, into any) error {
	if d, ok := into.(Decoder); ok {
		return d.DecodeJSON(data)
	}
	return json.Unmarshal(data, into)
}
