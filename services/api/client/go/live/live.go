// Package live follows the live feed of the api over any number of
// connections: it resumes behind the last frame that was handled, so that no
// fact is missed and none comes twice, and says so when it must begin anew.
package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// Options say where the api is and who asks.
type Options struct {
	URL   string // http://127.0.0.1:8080, or https
	Token string // sent in the header; "" = none
	// Wait between two attempts: doubled from the first to the second, and
	// spread. Zero is 100 ms and 10 s.
	MinWait, MaxWait time.Duration
	// Quiet is after how long without a frame the connection counts as lost; the
	// server says something every 10 s on most channels. Zero is a minute.
	Quiet time.Duration
	// Lost is told why a connection ended before the next attempt; nil = nobody.
	Lost func(error)
}

// Request is what to follow.
type Request struct {
	Channel string
	Network string         // of chain channels
	Symbol  string         // of market channels
	Filter  map[string]any // as the channel takes it
	From    Position       // the zero is: from now on
}

// Position is a place in a feed, of the last frame that was handled.
type Position struct {
	Epoch string
	Seq   uint64
}

// Frame is what the feed says. Op is event, reverted, repaired, snapshot or
// reset: of the last, everything that was told before is of another life, and
// what follows begins anew behind Seq.
type Frame struct {
	Op      string          `json:"op"`
	Channel string          `json:"channel"`
	Network string          `json:"network"`
	Symbol  string          `json:"symbol"`
	Epoch   string          `json:"epoch"`
	Seq     uint64          `json:"seq"`
	Data    json.RawMessage `json:"data"`

	Code    string `json:"code"`
	Message string `json:"message"`
	RetryMS int64  `json:"retry_ms"` // of a goodbye
}

// Refused is an answer after which trying again is useless.
type Refused struct{ Code, Message string }

// Error is for logs.
func (r *Refused) Error() string { return r.Code + ": " + r.Message }

// ErrStop ends Follow without an error when the handler returns it.
var ErrStop = errors.New("stop following")

// maxFrame bounds one frame, in bytes: snapshots of deep books are large.
const maxFrame = 64 << 20

// Follow calls handle for each frame in the feed's order until ctx ends, handle
// returns an error or the api refuses for good. It returns the position behind
// the last frame handled, with which another Follow goes on.
func Follow(ctx context.Context, o Options, r Request, handle func(Frame) error) (Position, error) {
	f := &follower{o: o, r: r, at: r.From, handle: handle}
	if f.o.MinWait <= 0 {
		f.o.MinWait = 100 * time.Millisecond
	}
	if f.o.MaxWait <= 0 {
		f.o.MaxWait = 10 * time.Second
	}
	if f.o.Quiet <= 0 {
		f.o.Quiet = time.Minute
	}
	wait := f.o.MinWait
	for {
		before := f.at
		f.told = 0
		err := f.connection(ctx)
		var refused *Refused
		switch {
		case errors.Is(err, ErrStop):
			return f.at, nil
		case f.failed, errors.As(err, &refused):
			return f.at, err
		case ctx.Err() != nil:
			return f.at, ctx.Err()
		}
		if f.o.Lost != nil {
			f.o.Lost(err)
		}
		if f.at != before {
			wait = f.o.MinWait
		}
		pause := wait/2 + rand.N(wait/2+1)
		if f.told > 0 {
			pause = f.told // the server spreads its clients
		}
		select {
		case <-ctx.Done():
			return f.at, ctx.Err()
		case <-time.After(pause):
		}
		wait = min(2*wait, f.o.MaxWait)
	}
}

type follower struct {
	o      Options
	r      Request
	at     Position
	handle func(Frame) error
	failed bool          // the handler said no
	told   time.Duration // by a goodbye
}

// connection is one connection from its beginning to its end.
func (f *follower) connection(ctx context.Context) error {
	dialing, cancel := context.WithTimeout(ctx, f.o.Quiet)
	defer cancel()
	header := http.Header{}
	if f.o.Token != "" {
		header.Set("Authorization", "Bearer "+f.o.Token)
	}
	c, resp, err := websocket.Dial(dialing, strings.TrimSuffix(f.o.URL, "/")+"/v1/ws", &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		if resp != nil && (resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden) {
			return &Refused{Code: fmt.Sprintf("http_%d", resp.StatusCode), Message: "the token is not taken"}
		}
		return fmt.Errorf("connecting: %w", err)
	}
	defer func() { _ = c.CloseNow() }()
	c.SetReadLimit(maxFrame)
	if err := f.subscribe(dialing, c); err != nil {
		return fmt.Errorf("subscribing: %w", err)
	}
	for {
		fr, err := f.next(ctx, c)
		if err != nil {
			return err
		}
		if err := f.take(fr); err != nil {
			return err
		}
	}
}

func (f *follower) subscribe(ctx context.Context, c *websocket.Conn) error {
	ask := map[string]any{"op": "subscribe", "id": 1, "channel": f.r.Channel}
	for name, value := range map[string]string{"network": f.r.Network, "symbol": f.r.Symbol, "epoch": f.at.Epoch} {
		if value != "" {
			ask[name] = value
		}
	}
	if len(f.r.Filter) > 0 {
		ask["filter"] = f.r.Filter
	}
	if f.at != (Position{}) {
		ask["since"] = f.at.Seq
	}
	text, err := json.Marshal(ask)
	if err != nil {
		return &Refused{Code: "bad_filter", Message: err.Error()}
	}
	return c.Write(ctx, websocket.MessageText, text)
}

func (f *follower) next(ctx context.Context, c *websocket.Conn) (fr Frame, err error) {
	ctx, cancel := context.WithTimeout(ctx, f.o.Quiet)
	defer cancel()
	_, text, err := c.Read(ctx)
	if err != nil {
		switch code := websocket.CloseStatus(err); code {
		case 1002, 1003, 1007, 1009, 4003: // the description says: not before something else is done
			return fr, &Refused{Code: fmt.Sprintf("close_%d", code), Message: err.Error()}
		}
		return fr, fmt.Errorf("reading: %w", err)
	}
	if err := json.Unmarshal(text, &fr); err != nil {
		return fr, fmt.Errorf("reading a frame: %w", err)
	}
	return fr, nil
}

// take handles a frame and remembers its place.
func (f *follower) take(fr Frame) error {
	switch fr.Op {
	case "error":
		if fr.Code == "loading" || fr.Code == "rate_limited" || fr.Code == "unavailable" || fr.Code == "maintenance" {
			return fmt.Errorf("subscribing: %s: %s", fr.Code, fr.Message)
		}
		return &Refused{Code: fr.Code, Message: fr.Message}
	case "goodbye":
		f.told = time.Duration(max(1, fr.RetryMS)) * time.Millisecond
		return nil
	case "event", "reverted", "repaired", "snapshot", "reset":
		if err := f.handle(fr); err != nil {
			f.failed = true
			return err
		}
	case "subscribed":
		if f.at != (Position{}) {
			return nil // what follows since is on its way
		}
	case "position":
	default:
		return nil
	}
	if fr.Epoch != "" {
		f.at = Position{Epoch: fr.Epoch, Seq: fr.Seq}
	}
	return nil
}
