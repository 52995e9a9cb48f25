package socket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/zlog"
	"fondaco.dev/services/api/internal/auth"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/hub"
	"fondaco.dev/services/api/internal/limit"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/shape"
)

// request is what a client sends.
type request struct {
	Op      string          `json:"op"`
	ID      json.RawMessage `json:"id"`
	Channel string          `json:"channel"`
	Network string          `json:"network"`
	Symbol  string          `json:"symbol"`
	Filter  json.RawMessage `json:"filter"`
	Since   *uint64         `json:"since"`
	Epoch   string          `json:"epoch"`
	Token   string          `json:"token"`
	Data    json.RawMessage `json:"data"`
}

// session is one client of /v1/ws.
type session struct {
	server *Server
	conn   *conn

	requestID string
	spent     *spent       // the reader's alone; nil before the first order
	inFlight  atomic.Int64 // commands without an answer

	mu       sync.Mutex
	who      *auth.Who
	trusted  bool           // the page that opened the socket may sign in
	checking atomic.Bool    // of the token
	wg       sync.WaitGroup // of checks
	subs     []*subscription
}

// spent is what of a connection's own limits is used.
type spent struct{ orders, cancels limit.Bucket }

func (s *session) log() *zap.Logger { return s.server.log.With(zlog.Session(s.requestID)) }

// failure is an error frame.
type failure struct {
	Op        string          `json:"op"`
	ID        json.RawMessage `json:"id,omitempty"`
	Code      string          `json:"code"`
	Message   string          `json:"message"`
	Parameter string          `json:"parameter,omitempty"`
	Allowed   []string        `json:"allowed,omitempty"`

	RetryAfterMS int64 `json:"retry_after_ms,omitempty"`
}

func (s *session) fail(id json.RawMessage, err error) {
	f := failure{Op: "error", ID: id, Code: "internal", Message: "internal error"}
	if p, ok := problem.Of(err); ok {
		f.Code, f.Message, f.Parameter, f.Allowed, f.RetryAfterMS = p.Code, p.Detail, p.Parameter, p.Allowed, p.RetryAfterMS
	} else {
		s.log().Error("a socket's request failed", zap.Error(err))
	}
	s.conn.Say(feed.TextFrame(shape.Encode(f)))
}

func (s *session) begin() {} // the client speaks first

// take handles one message; the reader calls it, one at a time. It is true for
// what the order book took: such messages have a limit of their own.
func (s *session) take(text []byte) bool {
	if is, accepted := s.order(text); is {
		return accepted
	}
	s.other(text)
	return false
}

func (s *session) other(text []byte) {
	var r request
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		s.fail(nil, problem.New(400, "bad_message", "not a JSON object of this protocol: "+err.Error()))
		return
	}
	if len(r.ID) > 0 && !validID.Match(r.ID) {
		s.fail(nil, badID())
		return
	}
	var err error
	switch r.Op {
	case "subscribe":
		err = s.subscribe(&r)
	case "unsubscribe":
		err = s.unsubscribe(&r)
	case "auth":
		err = s.signIn(&r)
	case "ping":
		s.answer("pong", r.ID)
	default:
		if err = problem.Parameter("op", "no such operation", orderOpNames()...); isOrderOp(r.Op) && orderOps[r.Op] != "" {
			err = problem.New(400, "bad_message", `an operation of the order book wants op, id and data: {"op":"`+r.Op+`","id":1,"data":{…}}`)
		}
	}
	if err != nil {
		s.fail(r.ID, err)
	}
}

func badID() error {
	return problem.Parameter("id", "wants a whole number or a string of up to 32 letters, digits, '.', '_' and '-'")
}

// An id goes into frames as it came, so it must not need escapes.
var validID = regexp.MustCompile(`^([0-9]{1,15}|"[A-Za-z0-9._-]{1,32}")$`)

func (s *session) answer(op string, id json.RawMessage) {
	out := []byte(`{"op":` + strconv.Quote(op))
	if len(id) > 0 {
		out = append(append(out, `,"id":`...), id...)
	}
	s.conn.Say(feed.TextFrame(append(out, '}')))
}

// signIn takes a token in the first message: never in the URL, where it would
// be logged on the way.
func (s *session) signIn(r *request) error {
	if !s.trusted {
		return originRefused()
	}
	ctx, cancel := context.WithTimeout(s.conn.context(), 5*time.Second)
	defer cancel()
	who, err := s.server.auth.Token(ctx, r.Token)
	if errors.Is(err, auth.ErrBadToken) {
		return problem.New(401, "bad_token", "the token is not valid")
	}
	if err != nil {
		return problem.Unavailable("loading", "tokens cannot be checked now")
	}
	s.mu.Lock()
	s.who = &who
	s.mu.Unlock()
	body := struct {
		Op      string          `json:"op"`
		ID      json.RawMessage `json:"id,omitempty"`
		Account uint64          `json:"account"`
		Role    string          `json:"role"`
	}{"authenticated", r.ID, who.Account, who.Role.Name()}
	s.conn.Say(feed.TextFrame(shape.Encode(body)))
	return nil
}

// visit looks whether the token still holds, and closes the socket when it was
// revoked.
func (s *session) visit(time.Time) {
	s.mu.Lock()
	who := s.who
	s.mu.Unlock()
	if who == nil || !s.checking.CompareAndSwap(false, true) {
		return
	}
	s.wg.Go(func() {
		defer s.checking.Store(false)
		if _, err := s.server.auth.Again(s.conn.context(), *who); errors.Is(err, auth.ErrBadToken) {
			s.conn.Close(CodeAuth, "the token was revoked")
		}
	})
}

// bye says when to come back.
func (s *session) bye(after time.Duration) {
	s.conn.Say(feed.TextFrame(append(strconv.AppendInt([]byte(`{"op":"goodbye","retry_ms":`), after.Milliseconds(), 10), '}')))
}

// sub is the open subscription with an id.
func (s *session) sub(id []byte) int {
	return slices.IndexFunc(s.subs, func(sub *subscription) bool { return sub.sub.ID == string(id) })
}

func (s *session) subscribe(r *request) error {
	if len(r.ID) == 0 {
		return problem.Parameter("id", "is required: it names the subscription")
	}
	if s.sub(r.ID) >= 0 {
		return problem.Parameter("id", "a subscription with this id is open; unsubscribe it first")
	}
	if most := s.server.cfg.Subscriptions; len(s.subs) >= most {
		return problem.New(400, "too_many_subscriptions", "a connection may have "+strconv.Itoa(most))
	}
	s.mu.Lock()
	who := s.who
	s.mu.Unlock()
	sub, err := s.server.prepare(r, who, s.conn)
	if err != nil {
		return err
	}
	s.subs = append(s.subs, sub)
	sub.start(hub.Resume{Since: r.Since, Epoch: r.Epoch})
	return nil
}

func (s *session) unsubscribe(r *request) error {
	i := s.sub(r.ID)
	if i < 0 {
		return problem.Parameter("id", "no subscription has this id")
	}
	s.subs[i].end()
	s.subs = slices.Delete(s.subs, i, i+1)
	s.answer("unsubscribed", r.ID)
	return nil
}

// end leaves every feed and waits for what runs.
func (s *session) end() {
	for _, sub := range s.subs {
		sub.end()
	}
	s.wg.Wait()
}
