package entry

import (
	"strconv"

	"fondaco.dev/services/api/internal/problem"
)

// field is a name that requests use.
type field uint8

const (
	fSymbol field = iota
	fSide
	fType
	fForce
	fPrice
	fQuantity
	fBudget
	fClientID
	fRef
	fPostOnly
	fDisplay
	fMin
	fProtection
	fTrigger
	fTrail
	fExpires
	fSelfTrade
	fID
	fOp
	fFirst
	fSecond
	fOrder
	fTimeout
	nFields
	noField = nFields
)

var names = [nFields]string{"symbol", "side", "type", "time_in_force", "price", "quantity", "quote_quantity", "client_order_id", "client_ref",
	"post_only", "display_quantity", "min_quantity", "protection_price", "trigger_price", "trail", "expires_at", "self_trade_prevention",
	"id", "op", "first", "second", "order", "timeout_ms"}

func fieldOf(name []byte) field {
	switch string(name) {
	case "symbol":
		return fSymbol
	case "side":
		return fSide
	case "type":
		return fType
	case "time_in_force":
		return fForce
	case "price":
		return fPrice
	case "quantity":
		return fQuantity
	case "quote_quantity", "quote_budget":
		return fBudget
	case "client_order_id":
		return fClientID
	case "client_ref":
		return fRef
	case "post_only":
		return fPostOnly
	case "display_quantity":
		return fDisplay
	case "min_quantity":
		return fMin
	case "protection_price":
		return fProtection
	case "trigger_price":
		return fTrigger
	case "trail":
		return fTrail
	case "expires_at":
		return fExpires
	case "self_trade_prevention":
		return fSelfTrade
	case "id":
		return fID
	case "op":
		return fOp
	case "first":
		return fFirst
	case "second":
		return fSecond
	case "order":
		return fOrder
	case "timeout_ms":
		return fTimeout
	}
	return noField
}

// set is a set of fields.
type set uint32

func setOf(fs ...field) (out set) {
	for _, f := range fs {
		out |= 1 << f
	}
	return out
}

func (s set) has(f field) bool { return s&(1<<f) != 0 }

func (s set) names() []string {
	var out []string
	for f := range nFields {
		if s.has(f) {
			out = append(out, names[f])
		}
	}
	return out
}

// form is a request's members as they came.
type form struct {
	have set
	kind [nFields]byte
	tok  [nFields][]byte
}

// BadBody is what a text that is not of the form wanted gets.
func BadBody(wants string) error {
	return problem.New(400, "bad_body", "the body is not "+wants)
}

// read takes one JSON object apart; every member must be allowed, none twice.
// A null is as good as absent.
func (f *form) read(raw []byte, allowed set) error {
	s := scanner{b: raw}
	f.have = 0
	if !s.next('{') {
		return BadBody("one JSON object")
	}
	var seen set
	for first := true; ; first = false {
		more, ok := s.each(first, '}')
		if !ok {
			return BadBody("one JSON object")
		}
		if !more {
			break
		}
		name, ok := s.key()
		if !ok {
			return BadBody("one JSON object")
		}
		at := fieldOf(name)
		if at == noField || !allowed.has(at) {
			return problem.UnknownParameter(printable(name), allowed.names())
		}
		if seen.has(at) {
			return problem.Parameter(names[at], "is given more than once")
		}
		seen |= 1 << at
		kind, tok, ok := s.value()
		if !ok {
			return BadBody("one JSON object: the value of " + names[at] + " cannot be read")
		}
		if kind != isNull {
			f.have |= 1 << at
			f.kind[at], f.tok[at] = kind, tok
		}
	}
	if !s.end() {
		return BadBody("one JSON object: something follows it")
	}
	return nil
}

// printable keeps what a client sent from spoiling the answer.
func printable(name []byte) string {
	const most = 64
	q := strconv.QuoteToASCII(string(name[:min(len(name), most)]))
	return q[1 : len(q)-1]
}

// text is a string or the text of a number.
func (f *form) text(at field) ([]byte, error) {
	if !f.have.has(at) {
		return nil, nil
	}
	if k := f.kind[at]; k != isString && k != isNumber {
		return nil, problem.Parameter(names[at], "wants a string")
	}
	return f.tok[at], nil
}

// flag is true or false; absent is false.
func (f *form) flag(at field) (bool, error) {
	switch {
	case !f.have.has(at) || f.kind[at] == isFalse:
		return false, nil
	case f.kind[at] == isTrue:
		return true, nil
	}
	return false, problem.Parameter(names[at], "wants true or false")
}

// whole is an unsigned number, also in a string.
func (f *form) whole(at field, wants string) (uint64, error) {
	tok, err := f.text(at)
	if err != nil || tok == nil {
		return 0, err
	}
	n, bad := strconv.ParseUint(string(tok), 10, 64)
	if bad != nil || n == 0 || n > 1<<63-1 {
		return 0, problem.Parameter(names[at], wants)
	}
	return n, nil
}

// object is a member that must be an object.
func (f *form) object(at field) ([]byte, error) {
	if !f.have.has(at) || f.kind[at] != isObject {
		return nil, problem.Parameter(names[at], "is required: an order as POST /v1/orders takes it")
	}
	return f.tok[at], nil
}
