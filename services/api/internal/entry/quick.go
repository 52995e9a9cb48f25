package entry

import (
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/command"
	"fondaco.dev/services/api/internal/decimal"
	"fondaco.dev/services/api/internal/market"
)

// The orders that come by the hundred are alike: limit orders with a symbol, a
// side, a price, a quantity and a name. They are read in one pass over the bytes,
// straight into the command. Whatever is unusual about one of them (an escape, a
// number that is not whole, a member that few orders have, a mistake) leaves the
// whole request to the general way, which alone knows what to refuse and how: the
// quick way never refuses anything, and what it takes is what the general way
// would have read.

// quick reads a canonical order.
type quick struct {
	b []byte
	i int

	symbol []byte // of the order before, and its market
	market *market.Market
}

// space and take are the scanner's space and next.
func (q *quick) space() {
	for q.i < len(q.b) && (q.b[q.i] == ' ' || q.b[q.i] == '\n' || q.b[q.i] == '\t' || q.b[q.i] == '\r') {
		q.i++
	}
}

func (q *quick) take(c byte) bool {
	if q.i < len(q.b) && q.b[q.i] == c { // most texts have no white space
		q.i++
		return true
	}
	q.space()
	if q.i < len(q.b) && q.b[q.i] == c {
		q.i++
		return true
	}
	return false
}

// text is a string of printable ASCII without escapes.
func (q *quick) text() ([]byte, bool) {
	if !q.take('"') {
		return nil, false
	}
	from := q.i
	for ; q.i < len(q.b); q.i++ {
		switch c := q.b[q.i]; {
		case c == '"':
			q.i++
			return q.b[from : q.i-1], true
		case c < ' ' || c > '~' || c == '\\':
			return nil, false
		}
	}
	return nil, false
}

// whole is a number from 1 to the largest int64, in digits.
func (q *quick) whole() (n uint64, ok bool) {
	q.space()
	from := q.i
	for ; q.i < len(q.b) && q.b[q.i] >= '0' && q.b[q.i] <= '9'; q.i++ {
		n = n*10 + uint64(q.b[q.i]-'0')
	}
	if q.i == from || q.i-from > 18 || q.b[from] == '0' || q.i == len(q.b) {
		return 0, false
	}
	switch q.b[q.i] {
	case '.', 'e', 'E', '+', '-':
		return 0, false
	}
	return n, true
}

// steps is a decimal in a string, or a whole number.
func (q *quick) steps(scale uint32, step int64) (int64, bool) {
	q.space()
	if q.i < len(q.b) && q.b[q.i] != '"' {
		from := q.i
		if _, ok := q.whole(); !ok {
			return 0, false
		}
		n, err := decimal.StepsOf(q.b[from:q.i], scale, step)
		return n, err == nil
	}
	tok, ok := q.text()
	if !ok {
		return 0, false
	}
	n, err := decimal.StepsOf(tok, scale, step)
	return n, err == nil
}

// order reads an object into o, which is empty. It names its market before any
// amount, and says that it is placed when the request leaves that to each.
func (q *quick) order(r *Reader, each bool, o *command.Order) bool {
	if !q.take('{') {
		return false
	}
	var have set
	o.Type, o.TimeInForce = ordersv1.OrderType_ORDER_TYPE_LIMIT, ordersv1.TimeInForce_TIME_IN_FORCE_GTC
	for first := true; ; first = false {
		if !first {
			if q.take('}') {
				break
			}
			if !q.take(',') {
				return false
			}
		}
		name, ok := q.text()
		if !ok || !q.take(':') {
			return false
		}
		at := fieldOf(name)
		if at == noField || have.has(at) {
			return false
		}
		have |= 1 << at
		if !q.member(r, at, o) {
			return false
		}
	}
	const needs = 1<<fSymbol | 1<<fSide | 1<<fPrice | 1<<fQuantity
	return have&needs == needs && have.has(fClientID) != have.has(fRef) && have.has(fOp) == each
}

func (q *quick) member(r *Reader, at field, o *command.Order) (ok bool) {
	switch at {
	case fSymbol:
		tok, ok := q.text()
		if !ok {
			return false
		}
		if q.market == nil || string(tok) != string(q.symbol) {
			q.symbol, q.market = tok, r.Dir.MarketOf(tok)
		}
		o.Market = q.market
		return o.Market != nil
	case fPrice:
		if o.Market != nil {
			o.Price, ok = q.steps(o.Market.QuoteScale, o.Market.Tick)
		}
		return ok
	case fQuantity:
		if o.Market != nil {
			o.Quantity, ok = q.steps(o.Market.BaseScale, o.Market.Lot)
		}
		return ok
	case fRef:
		o.Ref, ok = q.whole()
		return ok
	case fClientID:
		o.ClientID, ok = q.text()
		return ok && Printable(o.ClientID)
	case fSide, fType, fForce, fOp:
		tok, ok := q.text()
		return ok && word(at, tok, o)
	}
	return false
}

// word reads the members that are one of a few words.
func word(at field, tok []byte, o *command.Order) bool {
	switch at {
	case fSide:
		switch string(tok) {
		case "buy":
			o.Side = ordersv1.Side_SIDE_BUY
		case "sell":
			o.Side = ordersv1.Side_SIDE_SELL
		}
		return o.Side != 0
	case fType:
		return string(tok) == "limit"
	case fOp:
		return string(tok) == "place"
	case fForce:
		switch string(tok) {
		case "GTC":
		case "IOC":
			o.TimeInForce = ordersv1.TimeInForce_TIME_IN_FORCE_IOC
		case "FOK":
			o.TimeInForce = ordersv1.TimeInForce_TIME_IN_FORCE_FOK
		default:
			return false
		}
		return true
	}
	return false
}

// Quick is Read of an array of new orders, where op is "place" or "", when all of
// them are of the usual form; false, with nothing read, when Read has to look.
func (m *Many) Quick(r *Reader, raw []byte, op string, account uint64, requestID string) bool {
	m.reset()
	if op != "place" && op != "" || !m.quick(&quick{b: raw}, r, op == "", account, requestID) {
		m.reset()
		return false
	}
	return true
}

func (m *Many) quick(q *quick, r *Reader, each bool, account uint64, requestID string) bool {
	if !q.take('[') {
		return false
	}
	for n := 0; n == 0 || q.take(','); n++ {
		if n == MaxBatch {
			return false
		}
		c := m.next()
		*c = command.Command{Op: command.Place}
		if !q.order(r, each, &c.First) {
			return false
		}
		c.Market = c.First.Market
		m.errors = append(m.errors, nil)
		m.Data = c.Append(m.Data, account, requestID)
		requestID = "" // one of them is enough for a log
		m.sent, m.fresh = m.sent+1, true
	}
	if !q.take(']') {
		return false
	}
	q.space()
	return q.i == len(q.b)
}

// QuickHead reads {"op":…,"id":…,"data":…} in this order, and looks at no more of
// the data than that the message ends behind it: whoever cannot read the data
// asks ReadHead what the message is.
func QuickHead(text []byte) (h Head, ok bool) {
	q := quick{b: text}
	if !q.take('{') || !q.name("op") {
		return h, false
	}
	if h.Op, ok = q.text(); !ok || !q.take(',') || !q.name("id") {
		return h, false
	}
	q.space()
	from := q.i
	if q.i < len(text) && text[q.i] == '"' {
		_, ok = q.text()
	} else {
		_, ok = q.whole()
	}
	if h.ID = text[from:q.i]; !ok || !q.take(',') || !q.name("data") {
		return h, false
	}
	q.space()
	end := len(text) - 1
	if end <= q.i || text[end] != '}' {
		return h, false
	}
	h.Data = text[q.i:end]
	return h, true
}

// name takes a member's name.
func (q *quick) name(want string) bool {
	tok, ok := q.text()
	return ok && string(tok) == want && q.take(':')
}
