package entry

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"
	"sync/atomic"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/command"
	"fondaco.dev/services/api/internal/problem"
)

// kind is what an order type takes.
type kind struct {
	name   string
	typ    ordersv1.OrderType
	needs  set
	takes  set // beside what it needs and what all take
	market bool
}

// everyOrder is what all types take.
var everyOrder = setOf(fSymbol, fSide, fType, fForce, fClientID, fRef, fSelfTrade, fExpires, fOp)

var kinds = []kind{
	{"limit", ordersv1.OrderType_ORDER_TYPE_LIMIT, setOf(fPrice, fQuantity), setOf(fPostOnly, fDisplay, fMin), false},
	{"market", ordersv1.OrderType_ORDER_TYPE_MARKET, 0, setOf(fQuantity, fBudget, fProtection, fMin), true},
	{"stop", ordersv1.OrderType_ORDER_TYPE_STOP, setOf(fTrigger), setOf(fQuantity, fBudget, fProtection), true},
	{"stop_limit", ordersv1.OrderType_ORDER_TYPE_STOP_LIMIT, setOf(fTrigger, fPrice, fQuantity), setOf(fPostOnly, fDisplay), false},
	{"take_profit", ordersv1.OrderType_ORDER_TYPE_TAKE_PROFIT, setOf(fTrigger), setOf(fQuantity, fBudget, fProtection), true},
	{"take_profit_limit", ordersv1.OrderType_ORDER_TYPE_TAKE_PROFIT_LIMIT, setOf(fTrigger, fPrice, fQuantity), setOf(fPostOnly, fDisplay), false},
	{"trailing_stop", ordersv1.OrderType_ORDER_TYPE_TRAILING_STOP, setOf(fTrail), setOf(fQuantity, fBudget, fProtection, fTrigger), true},
}

func kindOf(b []byte) *kind {
	for i := range kinds {
		if string(b) == kinds[i].name {
			return &kinds[i]
		}
	}
	if lower := bytes.ToLower(b); !bytes.Equal(lower, b) {
		return kindOf(lower)
	}
	return nil
}

func kindNames() []string {
	out := make([]string, len(kinds))
	for i := range kinds {
		out[i] = kinds[i].name
	}
	return out
}

// why says what each field is for, to who left it out.
var why = map[field]string{
	fPrice:    `is required for this type, as a decimal such as "12.50"`,
	fQuantity: `is required, as a decimal such as "3"`,
	fTrigger:  "is required for this type: the last price at which the order becomes active",
	fTrail:    "is required for this type: how far the trigger stays behind the best price",
}

// kind reads type and time in force, and holds the other fields against them.
func (r *Reader) kind(o *command.Order) error {
	f := &r.form
	k := &kinds[0]
	tok, err := f.text(fType)
	if err != nil {
		return err
	}
	if f.have.has(fType) {
		if k = kindOf(tok); k == nil {
			return problem.Parameter("type", "no such type", kindNames()...)
		}
	}
	o.Type = k.typ
	if err := r.force(o, k); err != nil {
		return err
	}
	if surplus := f.have &^ (everyOrder | k.needs | k.takes); surplus != 0 {
		for at := range nFields {
			if surplus.has(at) {
				return problem.Parameter(names[at], "orders of type "+k.name+" take none")
			}
		}
	}
	if missing := k.needs &^ f.have; missing != 0 {
		for at := range nFields {
			if missing.has(at) {
				return problem.Parameter(names[at], why[at])
			}
		}
	}
	if f.have.has(fQuantity) == f.have.has(fBudget) {
		if f.have.has(fBudget) {
			return problem.Parameter("quote_quantity", "an order has a quantity or a quote_quantity, not both")
		}
		return problem.Parameter("quantity", why[fQuantity]+`; an order that buys at market may give quote_quantity instead`)
	}
	if f.have.has(fBudget) && o.Side != ordersv1.Side_SIDE_BUY {
		return problem.Parameter("quote_quantity", "only orders that buy have one: give quantity")
	}
	return nil
}

// Times in force by their names; those of market orders are the first two.
var forces = []struct {
	name  string
	force ordersv1.TimeInForce
}{{"IOC", ordersv1.TimeInForce_TIME_IN_FORCE_IOC}, {"FOK", ordersv1.TimeInForce_TIME_IN_FORCE_FOK}, {"GTC", ordersv1.TimeInForce_TIME_IN_FORCE_GTC},
	{"GTD", ordersv1.TimeInForce_TIME_IN_FORCE_GTD}, {"DAY", ordersv1.TimeInForce_TIME_IN_FORCE_DAY}}

func (r *Reader) force(o *command.Order, k *kind) error {
	tok, err := r.form.text(fForce)
	if err != nil {
		return err
	}
	switch {
	case !r.form.have.has(fForce) && k.market:
		o.TimeInForce = ordersv1.TimeInForce_TIME_IN_FORCE_IOC
		return nil
	case !r.form.have.has(fForce):
		o.TimeInForce = ordersv1.TimeInForce_TIME_IN_FORCE_GTC
		return nil
	}
	for _, x := range forces {
		if len(tok) == 3 && strings.EqualFold(string(tok), x.name) {
			o.TimeInForce = x.force
		}
	}
	switch {
	case o.TimeInForce == 0:
		return problem.Parameter("time_in_force", "no such time in force", "GTC", "IOC", "FOK", "GTD", "DAY")
	case k.market && o.TimeInForce != ordersv1.TimeInForce_TIME_IN_FORCE_IOC && o.TimeInForce != ordersv1.TimeInForce_TIME_IN_FORCE_FOK:
		return problem.Parameter("time_in_force", "an order that trades at market cannot rest", "IOC", "FOK")
	}
	return nil
}

// IDs makes client order ids that no other process makes. It is safe for
// concurrent use.
type IDs struct {
	prefix string
	n      atomic.Uint64
}

// NewIDs makes ids that begin with auto-<gateway>-.
func NewIDs(gateway string) *IDs { return &IDs{prefix: "auto-" + gateway + "-"} }

// Next is a new id.
func (i *IDs) Next() []byte {
	out := make([]byte, 0, hex.EncodedLen(16)+24)
	out = append(out, i.prefix...)
	return strconv.AppendUint(out, i.n.Add(1), 10)
}
