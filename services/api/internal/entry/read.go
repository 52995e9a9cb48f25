// Package entry reads what clients ask of the order book, JSON as it came over
// HTTP or a socket, and writes the answers. Reading is strict: a name that
// does not exist, a value of the wrong kind, a field that the order's type
// does not take are refused with the field's name. What only the book can
// judge goes to the engine, so that its refusal is in the stream: a price that
// is no whole number of ticks, a quantity of no whole lots.
package entry

import (
	"net/http"
	"strconv"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/command"
	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/reject"
)

// MaxBatch is how many commands one request may hold.
const MaxBatch = 100

// Reader reads commands. It may not be shared; IDs names orders that came
// without a client_order_id or client_ref.
type Reader struct {
	Dir *market.Directory
	IDs *IDs
	// Find is the market of an order of the caller and whether the order is open,
	// nil when it is not known; nil = never.
	Find func(command.Name) (m *market.Market, open bool)
	// Ahead is the market of an order that the caller placed and that has no answer
	// yet, 0 when there is none, and whether a cancel of the name is on its way
	// before it; nil = never.
	Ahead func(command.Name) (market uint32, freed bool)
	// Wait until Find knows what the caller wrote last; nil = at once.
	Wait func()

	form    form
	earlier []byte // commands of the same request, as in Many.Data
}

var (
	nameFields  = setOf(fID, fClientID, fRef)
	orderFields = setOf(fSymbol, fSide, fType, fForce, fPrice, fQuantity, fBudget, fClientID, fRef, fPostOnly, fDisplay, fMin, fProtection, fTrigger, fTrail, fExpires, fSelfTrade)
	amendFields = nameFields | setOf(fPrice, fQuantity)
)

// Place reads a new order.
func (r *Reader) Place(raw []byte, c *command.Command) error { return r.place(raw, 0, c) }

func (r *Reader) place(raw []byte, more set, c *command.Command) error {
	*c = command.Command{Op: command.Place}
	if err := r.form.read(raw, orderFields|more); err != nil {
		return err
	}
	err := r.order(&c.First)
	c.Market = c.First.Market
	return err
}

// Cancel reads which order to cancel.
func (r *Reader) Cancel(raw []byte, c *command.Command) error { return r.cancel(raw, 0, c) }

func (r *Reader) cancel(raw []byte, more set, c *command.Command) error {
	*c = command.Command{Op: command.Cancel}
	if err := r.form.read(raw, nameFields|more); err != nil {
		return err
	}
	return r.name(c)
}

// Amend reads new terms. With an order already named (a path), the body names
// none.
func (r *Reader) Amend(raw []byte, named *command.Name, c *command.Command) error {
	return r.amend(raw, named, 0, c)
}

func (r *Reader) amend(raw []byte, named *command.Name, more set, c *command.Command) error {
	*c = command.Command{Op: command.Amend}
	allowed := amendFields
	if named != nil {
		allowed &^= nameFields
	}
	if err := r.form.read(raw, allowed|more); err != nil {
		return err
	}
	if named != nil {
		c.Name = *named
	} else if err := r.name(c); err != nil {
		return err
	}
	if !r.form.have.has(fPrice) && !r.form.have.has(fQuantity) {
		return problem.Parameter("quantity", "an amend wants a new price, a new quantity, or both")
	}
	var err error
	if c.Market, err = r.amended(c.Name); err != nil {
		return err
	}
	if c.Price, err = r.amount(fPrice, c.Market.QuoteScale, c.Market.Tick, badTick, &c.Malformed); err != nil {
		return err
	}
	if c.Quantity, err = r.amount(fQuantity, c.Market.BaseScale, c.Market.Lot, badLot, &c.Malformed); err != nil {
		return err
	}
	for _, at := range []field{fPrice, fQuantity} {
		if r.form.have.has(at) && c.Malformed == 0 && [2]int64{c.Price, c.Quantity}[btoi(at == fQuantity)] <= 0 {
			return problem.Parameter(names[at], "wants a number above 0")
		}
	}
	return nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Replace reads an order that takes another's place: {"id":…,"order":{…}}, or
// with the old one already named the order alone.
func (r *Reader) Replace(raw []byte, named *command.Name, c *command.Command) error {
	return r.replace(raw, named, 0, c)
}

func (r *Reader) replace(raw []byte, named *command.Name, more set, c *command.Command) error {
	if named != nil {
		if err := r.place(raw, more, c); err != nil {
			return err
		}
		c.Op, c.Name = command.Replace, *named
		return nil
	}
	var old command.Command
	old.Op = command.Replace
	if err := r.form.read(raw, nameFields|setOf(fOrder)|more); err != nil {
		return err
	}
	if err := r.name(&old); err != nil {
		return err
	}
	body, err := r.form.object(fOrder)
	if err != nil {
		return err
	}
	if err := r.Place(body, c); err != nil {
		return err
	}
	c.Op, c.Name = command.Replace, old.Name
	return nil
}

// Pair reads two orders of which one cancels the other.
func (r *Reader) Pair(raw []byte, c *command.Command) error { return r.pair(raw, 0, c) }

func (r *Reader) pair(raw []byte, more set, c *command.Command) error {
	if err := r.form.read(raw, setOf(fFirst, fSecond)|more); err != nil {
		return err
	}
	first, err := r.form.object(fFirst)
	if err != nil {
		return err
	}
	second, err := r.form.object(fSecond)
	if err != nil {
		return err
	}
	var other command.Command
	if err := r.Place(first, c); err != nil {
		return inside("first", err)
	}
	if err := r.Place(second, &other); err != nil {
		return inside("second", err)
	}
	c.Op, c.Second = command.Pair, other.First
	switch {
	case c.First.Market != c.Second.Market:
		return problem.Parameter("second.symbol", "both orders of a pair are of one market")
	case c.First.Side != c.Second.Side:
		return problem.Parameter("second.side", "both orders of a pair are on one side")
	}
	return nil
}

func inside(name string, err error) error {
	if p, ok := problem.Of(err); ok && p.Parameter != "" {
		q := *p
		q.Parameter = name + "." + p.Parameter
		return &q
	}
	return err
}

// CancelAll reads {"symbol":…,"side":…}, both of which may be absent.
func (r *Reader) CancelAll(raw []byte, c *command.Command) error {
	if err := r.form.read(raw, setOf(fSymbol, fSide)); err != nil {
		return err
	}
	symbol, err := r.form.text(fSymbol)
	if err != nil {
		return err
	}
	side, err := r.form.text(fSide)
	if err != nil {
		return err
	}
	return r.All(symbol, side, c)
}

// All is CancelAll by its parameters; empty = all.
func (r *Reader) All(symbol, side []byte, c *command.Command) error {
	*c = command.Command{Op: command.CancelAll}
	if len(symbol) > 0 {
		if c.Market = r.Dir.MarketOf(symbol); c.Market == nil {
			return r.unknownMarket()
		}
	}
	if len(side) > 0 {
		var ok bool
		if c.Side, ok = sideOf(side); !ok {
			return problem.Parameter("side", "no such side", "buy", "sell")
		}
	}
	return nil
}

// KeepAlive reads {"timeout_ms":…}; 0 disarms the timer.
func (r *Reader) KeepAlive(raw []byte, c *command.Command) error {
	*c = command.Command{Op: command.KeepAlive}
	if err := r.form.read(raw, setOf(fTimeout)); err != nil {
		return err
	}
	tok, err := r.form.text(fTimeout)
	if err != nil {
		return err
	}
	n, bad := strconv.ParseInt(string(tok), 10, 64)
	if bad != nil || n < 0 {
		return problem.Parameter("timeout_ms", "is required: milliseconds until all orders are canceled unless this is sent again; 0 ends it")
	}
	c.TimeoutMS = n
	return nil
}
func (r *Reader) name(c *command.Command) error {
	f := &r.form
	n := 0
	for _, at := range []field{fID, fClientID, fRef} {
		if f.have.has(at) {
			n++
		}
	}
	if n != 1 {
		return problem.Parameter("id", "name the order by exactly one of these", "id", "client_order_id", "client_ref")
	}
	var err error
	if c.Name.ID, err = f.whole(fID, "wants an order's id"); err != nil {
		return err
	}
	if c.Name.Ref, err = f.whole(fRef, "wants a whole number above 0"); err != nil {
		return err
	}
	if c.Name.ClientID, err = r.clientID(); err != nil {
		return err
	}
	c.Market, _ = r.find(c.Name)
	return nil
}

func (r *Reader) find(n command.Name) (m *market.Market, open bool) {
	if r.Find == nil {
		return nil, false
	}
	return r.Find(n)
}

// amended is the market whose units an amend is in. The order may be ahead in
// this request, or on its way to the engine; then its name may have been that of
// an order that ended, or whose cancel is on its way before it. Where an order
// that seems open and one on its way have the name and nothing says which of
// them will, the amend is refused: in the units of another market its price
// would be another one.
func (r *Reader) amended(n command.Name) (*market.Market, error) {
	m, open := r.find(n)
	id, freed := r.ahead(n)
	if open && id != 0 && id != m.ID && !freed && r.Wait != nil {
		r.Wait() // its end may have been told already
		m, open = r.find(n)
	}
	switch {
	case open && id != 0 && id != m.ID && !freed:
		return nil, problem.New(http.StatusConflict, "conflict", "an open order and one on its way, of another market, have this name: name the order by its id")
	case id != 0 && (!open || id != m.ID):
		m = r.Dir.ByID(id)
	case m == nil && r.Wait != nil:
		r.Wait()
		m, _ = r.find(n)
	}
	if m == nil {
		return nil, reject.Problem(ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ORDER)
	}
	return m, nil
}

// ahead is the market of an order that the caller placed before, in this request
// or one on its way, and whether the name is free for it by then.
func (r *Reader) ahead(n command.Name) (id uint32, freed bool) {
	if n.ID != 0 {
		return 0, false // the book gives an id once
	}
	if id, freed = command.MarketOf(r.earlier, n); id != 0 && freed || r.Ahead == nil {
		return id, freed
	}
	was, free := r.Ahead(n)
	if id == 0 {
		id = was
	}
	return id, freed || free
}

func (r *Reader) clientID() ([]byte, error) {
	tok, err := r.form.text(fClientID)
	if err != nil || !r.form.have.has(fClientID) {
		return nil, err
	}
	if !Printable(tok) {
		return nil, problem.Parameter("client_order_id", "wants 1 to 64 printable ASCII characters")
	}
	return tok, nil
}

// Printable says whether b can be a client order id.
func Printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(b) >= 1 && len(b) <= 64
}

func (r *Reader) unknownMarket() error {
	return reject.Problem(ordersv1.RejectReason_REJECT_REASON_UNKNOWN_MARKET)
}
