package socket

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"fondaco.dev/pkg/trace"
	"fondaco.dev/services/api/internal/auth"
	"fondaco.dev/services/api/internal/command"
	"fondaco.dev/services/api/internal/entry"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/gateway"
	"fondaco.dev/services/api/internal/limit"
	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/problem"
)

// orderOps are the operations that go to the order book, and what each element
// of their data is.
var orderOps = map[string]string{
	"order.place": "place", "order.cancel": "cancel", "order.amend": "amend", "order.replace": "replace", "order.pair": "pair",
	"order.batch": "", "order.cancel_all": "cancel_all", "keep_alive": "keep_alive",
}

// maxInFlight is how many commands of one connection may be without an answer.
const maxInFlight = 20000

// asking is one request to the order book on its way; they are used again.
type asking struct {
	session *session
	text    []byte // the message: commands alias it
	id      []byte
	single  bool
	many    entry.Many
	reader  entry.Reader
	batch   gateway.Batch
	span    trace.Span
	out     []byte
}

var askings = sync.Pool{New: func() any { return &asking{} }}

// order takes a message that asks something of the order book. It is false
// when the message is none. Answers come in the engine's order, many requests
// may be under way.
func (s *session) order(text []byte) (is, accepted bool) {
	if is, accepted = s.quick(text); is {
		return is, accepted
	}
	h, ok := entry.ReadHead(text)
	if !ok {
		return false, false
	}
	op, is := orderOps[string(h.Op)]
	if !is {
		return false, false
	}
	if len(h.ID) == 0 || !validID.Match(h.ID) {
		s.fail(nil, badID())
		return true, false
	}
	if err := s.ask(text, s.spanName(h.Op), op); err != nil {
		s.fail(append([]byte(nil), h.ID...), err)
		return true, false
	}
	return true, true
}

// quick is order for arrays of usual orders from who may send them. It is false
// when order has to look.
func (s *session) quick(text []byte) (is, accepted bool) {
	h, ok := entry.QuickHead(text)
	if !ok || h.Data[0] != '[' {
		return false, false
	}
	op, known := orderOps[string(h.Op)]
	if !known || !validID.Match(h.ID) {
		return false, false
	}
	who, dir, err := s.trader()
	if err != nil {
		return false, false
	}
	a := s.asking(text, who, dir)
	h, _ = entry.QuickHead(a.text) // in the copy that stays
	if a.id, a.single = h.ID, false; !a.many.Quick(&a.reader, h.Data, op, who.Account, s.requestID) {
		askings.Put(a)
		return false, false
	}
	if err := a.send(who, s.spanName(h.Op)); err != nil {
		s.fail(append([]byte(nil), h.ID...), err)
		return true, false
	}
	return true, true
}

// spanName is what a request's span is called; nothing when nobody follows it.
func (s *session) spanName(op []byte) string {
	if s.server.trace == nil {
		return ""
	}
	return string(op)
}

// trader is who may send orders, and the markets.
func (s *session) trader() (*auth.Who, *market.Directory, error) {
	s.mu.Lock()
	who := s.who
	s.mu.Unlock()
	switch {
	case s.server.gateway == nil:
		return nil, nil, problem.Parameter("op", "there is no order book here")
	case who == nil:
		return nil, nil, problem.New(401, "unauthorized", `send {"op":"auth","token":…} first`)
	case !auth.Trader.Allows(who.Role):
		return nil, nil, problem.New(403, "forbidden", "the role "+who.Role.Name()+" may not trade")
	}
	dir := s.server.venue.Directory()
	if dir == nil {
		return nil, nil, problem.Unavailable("loading", "the venue is loading; try again")
	}
	return who, dir, nil
}

// asking takes a copy of the message.
func (s *session) asking(text []byte, who *auth.Who, dir *market.Directory) *asking {
	a := askings.Get().(*asking)
	a.session = s
	a.text = append(a.text[:0], text...)
	a.reader.Dir, a.reader.IDs = dir, s.server.ids
	a.reader.Find = func(n command.Name) (*market.Market, bool) { return s.find(dir, who.Account, n) }
	a.reader.Ahead = func(n command.Name) (uint32, bool) { return s.server.gateway.MarketOf(who.Account, n) }
	a.reader.Wait = func() { s.server.venue.WaitOwn(s.conn.context(), who.Account) }
	return a
}

func (s *session) ask(text []byte, name, op string) error {
	who, dir, err := s.trader()
	if err != nil {
		return err
	}
	a := s.asking(text, who, dir)
	h, _ := entry.ReadHead(a.text) // as before, in the copy that stays
	a.id = h.ID
	if err := a.read(h.Data, op, who.Account); err != nil {
		askings.Put(a)
		return err
	}
	return a.send(who, name)
}

// read takes the commands of the message; data may be absent where nothing is
// needed.
func (a *asking) read(data []byte, op string, account uint64) error {
	if data == nil {
		if op != "cancel_all" {
			return problem.Parameter("data", "is required: an object, or an array of up to "+strconv.Itoa(entry.MaxBatch))
		}
		data = []byte("{}")
	}
	if a.single = data[0] == '{'; a.single {
		if op == "" {
			return problem.Parameter("data", "wants an array of objects, each with its op")
		}
		a.many.ReadOne(&a.reader, data, op, account, a.session.requestID)
		return nil
	}
	return a.many.Read(&a.reader, data, op, account, a.session.requestID)
}

// find is the market of an order of the account.
func (s *session) find(dir *market.Directory, account uint64, n command.Name) (m *market.Market, open bool) {
	_ = s.server.venue.Peek(func(st *market.State) {
		var id uint32
		id, open = st.MarketOfOrder(account, n.ID, string(n.ClientID), n.Ref)
		m = dir.ByID(id)
	})
	return m, open
}

// send passes the commands on; a is its own once more when they are answered.
func (a *asking) send(who *auth.Who, name string) error {
	s, n := a.session, a.many.Sent()
	if n == 0 { // nothing could be read: the answer says why
		a.batch.Outcomes, a.batch.Err = a.batch.Outcomes[:0], nil
		a.answer()
		return nil
	}
	if err := s.limited(who, n, !a.many.New()); err != nil {
		askings.Put(a)
		return err
	}
	if s.inFlight.Add(int64(n)) > maxInFlight {
		s.inFlight.Add(-int64(n))
		askings.Put(a)
		return problem.Limited("too many commands of this connection wait for an answer; nothing was sent", 100)
	}
	b := &a.batch
	b.Account, b.Count, b.New, b.Data, b.RequestID = who.Account, n, a.many.New(), a.many.Data, ""
	b.Trace, a.span = s.server.trace.Message(name)
	b.Done = func(*gateway.Batch) { a.answered(n) }
	if err := s.server.gateway.Send(b); err != nil {
		s.inFlight.Add(-int64(n))
		a.span.Done(s.requestID, n, err)
		askings.Put(a)
		return unsent(err)
	}
	return nil
}

// limited takes n commands from the connection's bucket and the account's, or
// from neither, and then says when both will have them.
func (s *session) limited(who *auth.Who, n int, cancel bool) error {
	if s.spent == nil {
		s.spent = &spent{}
	}
	bucket, class := &s.spent.orders, limit.Order
	if cancel {
		bucket, class = &s.spent.cancels, limit.Cancel
	}
	if err := s.server.maintenance.Refuse(class); err != nil {
		return err
	}
	wait, own := bucket.Take(s.server.cfg.Orders, time.Now(), n)
	client := limit.Client{Account: who.Account, Token: who.Key()}
	v := s.server.limits.Take(s.conn.context(), class, n, client)
	switch {
	case own && v.OK:
		return nil
	case v.OK:
		s.server.limits.Give(class, n, client)
		return problem.Limited("this connection sends more commands than it may; nothing was sent", wait)
	case own:
		bucket.Give(n)
	}
	v = v.Longer(time.Duration(wait) * time.Millisecond)
	return v.Err()
}

func unsent(err error) error {
	if errors.Is(err, gateway.ErrClosed) {
		return problem.Unavailable("intake_stopped", "no new orders are taken in for now; cancels are; nothing was sent")
	}
	return problem.Unavailable("not_sent", "the order book cannot be reached now; nothing was sent")
}

// answered is called by the gateway.
func (a *asking) answered(n int) {
	a.session.inFlight.Add(-int64(n))
	if a.batch.Trace == "" {
		a.answer()
		return
	}
	span, err, id, end := a.span, a.batch.Err, a.session.requestID, func() {} // a is another's once it has answered
	if err == nil {
		end = a.session.server.trace.Returned(span, a.batch.Came, a.batch.Spans)
	}
	a.answer()
	end()
	span.Done(id, n, err)
}

func (a *asking) answer() {
	s := a.session
	switch err := a.batch.Err; {
	case err == nil:
		a.out = append(append(append(a.out[:0], `{"op":"result","id":`...), a.id...), `,"data":`...)
		if a.single {
			a.out = a.many.AppendOne(a.out, a.batch.Outcomes)
		} else {
			a.out = a.many.Append(a.out, a.batch.Outcomes)
		}
		a.out = append(a.out, '}')
		s.conn.Say(feed.TextFrame(a.out))
	case errors.Is(err, gateway.ErrUnknown):
		s.fail(append([]byte(nil), a.id...), problem.New(202, "unknown", "the outcome is not known yet; ask for the orders by their client_order_id"))
	default:
		s.fail(append([]byte(nil), a.id...), unsent(err))
	}
	askings.Put(a)
}

func orderOpNames() []string {
	out := []string{"subscribe", "unsubscribe", "auth", "ping", "order.place", "order.cancel", "order.amend", "order.replace", "order.pair", "order.batch",
		"order.cancel_all", "keep_alive"}
	return out
}

func isOrderOp(op string) bool {
	_, is := orderOps[op]
	return is || strings.HasPrefix(op, "order.")
}
