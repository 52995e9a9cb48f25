package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/rpc"
)

// maxRequest is the largest request body; a batch of 1,000 calls is far below.
const maxRequest = 16 << 20

// exchange is one HTTP request, before its answer is written.
type exchange struct {
	w http.ResponseWriter
	r *http.Request
}

type request struct {
	ID     json.RawMessage   `json:"id"`
	Method string            `json:"method"`
	Params []json.RawMessage `json:"params"`
}

// ServeHTTP answers JSON-RPC on POST and subscriptions to newHeads on a
// WebSocket, on any path.
func (b *Board) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		b.socket(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	x := &exchange{w, r}
	next := func() []byte { return b.answer(r.Context(), body) }
	for _, a := range b.active() {
		if a.spec.transport != nil {
			inner := next
			next = func() []byte { return a.spec.transport(a, x, inner) } // nil = answered already
		}
	}
	if out := next(); out != nil {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(out)
	}
}

// answer is the body for a call or a batch; nil when the chain cannot answer,
// which a client sees as an empty answer.
func (b *Board) answer(ctx context.Context, body []byte) []byte {
	var batch []request
	if json.Unmarshal(body, &batch) != nil {
		var one request
		if err := json.Unmarshal(body, &one); err != nil {
			return []byte(`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}}`)
		}
		return b.one(ctx, nil, one)
	}
	out := []byte{'['}
	for i, r := range batch {
		if i > 0 {
			out = append(out, ',')
		}
		out = b.one(ctx, out, r)
	}
	return append(out, ']')
}

func (b *Board) one(ctx context.Context, out []byte, r request) []byte {
	c := &call{ctx: ctx, method: r.Method, params: r.Params}
	b.do(c)
	if c.broken != nil {
		c.err = &Error{-32603, "the chain behind is not there: " + c.broken.Error()}
	}
	out = append(append(append(out, `{"jsonrpc":"2.0","id":`...), r.ID...), ',')
	if c.err != nil {
		text, _ := json.Marshal(c.err)
		return append(append(append(out, `"error":`...), text...), '}')
	}
	return append(append(append(out, `"result":`...), c.result...), '}')
}

// eth is what a WebSocket serves.
type eth struct {
	b   *Board
	nth int // the connection's number, from 0
}

func (e *eth) ask(ctx context.Context, method string, params ...any) (json.RawMessage, error) {
	c := &call{ctx: ctx, method: method, params: make([]json.RawMessage, len(params))}
	for i, p := range params {
		text, err := json.Marshal(p)
		if err != nil {
			return nil, err
		}
		c.params[i] = text
	}
	e.b.do(c)
	if c.err != nil {
		return nil, c.err
	}
	return c.result, c.broken
}

// ChainId, BlockNumber and GetBlockByNumber are the calls of the same name.
func (e *eth) ChainId(ctx context.Context) (json.RawMessage, error) { return e.ask(ctx, "eth_chainId") }

func (e *eth) BlockNumber(ctx context.Context) (json.RawMessage, error) {
	return e.ask(ctx, "eth_blockNumber")
}

func (e *eth) GetBlockByNumber(ctx context.Context, at string, full bool) (json.RawMessage, error) {
	return e.ask(ctx, "eth_getBlockByNumber", at, full)
}

// NewHeads is the subscription of that name, less what faults hold back.
func (e *eth) NewHeads(ctx context.Context) (*rpc.Subscription, error) {
	notifier, ok := rpc.NotifierFromContext(ctx)
	if !ok {
		return nil, rpc.ErrNotificationsUnsupported
	}
	sub := notifier.CreateSubscription()
	ctx, cancel := context.WithCancel(context.Background()) // the call's own ends with its answer
	heads, err := e.b.up.Heads(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	go func() {
		defer cancel()
		for n := 0; ; n++ {
			select {
			case <-sub.Err():
				return
			case head, ok := <-heads:
				if !ok {
					return
				}
				if e.b.passes(e.nth, n) {
					_ = notifier.Notify(sub.ID, json.RawMessage(head))
				}
			}
		}
	}()
	return sub, nil
}

// passes asks the faults whether the nth head of a connection is told.
func (b *Board) passes(socket, nth int) bool {
	for _, a := range b.active() {
		if a.spec.head != nil && !a.spec.head(a, socket, nth) {
			a.act()
			return false
		}
	}
	return true
}

func (b *Board) socket(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	service := &eth{b: b, nth: b.sockets}
	b.sockets++
	b.mu.Unlock()
	server := rpc.NewServer()
	b.mu.Lock()
	b.live[server] = struct{}{}
	b.mu.Unlock()
	defer func() {
		server.Stop()
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.live, server)
	}()
	if err := server.RegisterName("eth", service); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	server.WebsocketHandler([]string{"*"}).ServeHTTP(w, r)
}

// Server is a board that listens.
type Server struct {
	*Board
	http *http.Server
	addr string
}

// Listen serves the board on host:port (port 0: a free one) until Close.
func Listen(b *Board, addr string) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening for JSON-RPC: %w", err)
	}
	s := &Server{Board: b, addr: l.Addr().String(), http: &http.Server{Handler: b, ReadHeaderTimeout: 10 * time.Second}}
	go func() { _ = s.http.Serve(l) }() // ends with Close
	return s, nil
}

// URL and WS are the endpoint's addresses for calls and for subscriptions.
func (s *Server) URL() string { return "http://" + s.addr }
func (s *Server) WS() string  { return "ws://" + s.addr }

// DropSockets ends every WebSocket connection; clients may connect again.
func (b *Board) DropSockets() {
	b.mu.Lock()
	live := slices.Collect(maps.Keys(b.live))
	b.mu.Unlock()
	for _, s := range live {
		s.Stop()
	}
}

// Close ends the endpoint with all its connections.
func (s *Server) Close() error {
	err := s.http.Close()
	s.DropSockets() // http.Server does not close what was hijacked
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
