package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
)

// The model of one account whose orders never trade: cash, and the orders that
// hold a part of it. Everything that its owner may see follows from the order in
// which what its owner does takes effect.

// deed is one request of the account's owner.
type deed struct {
	account uint64
	kind    deedKind
	id      string // client order id
	cost    int64  // cents that the order holds while it is open
}

type deedKind int

const (
	place deedKind = iota
	cancel
	readOrder
	readBalance
)

// seen is what the owner was told.
type seen struct {
	// refused: place, for want of money; found: the order is known; open: it is on
	// the book after the deed.
	// done: cancel, the order was over before.
	refused, found, open, done bool
	// repeated: the request was sent more than once, so that what it did may have
	// been answered to nobody.
	repeated            bool
	available, reserved int64 // cents
}

// purse is the model's state: its orders are "id=cost" while open, "id" after.
type purse struct {
	available, reserved int64
	orders              string
}

func (p purse) order(id string) (cost int64, open, known bool) {
	for _, o := range strings.Fields(p.orders) {
		name, amount, live := strings.Cut(o, "=")
		if name == id {
			_, _ = fmt.Sscan(amount, &cost)
			return cost, live, true
		}
	}
	return 0, false, false
}

func (p purse) with(id string, cost int64, open bool) purse {
	all := map[string]string{id: id}
	if open {
		all[id] = fmt.Sprintf("%s=%d", id, cost)
	}
	for _, o := range strings.Fields(p.orders) {
		if name, _, _ := strings.Cut(o, "="); name != id {
			all[name] = o
		}
	}
	list := slices.Sorted(maps.Values(all))
	if open {
		p.available, p.reserved = p.available-cost, p.reserved+cost
	}
	p.orders = strings.Join(list, " ")
	return p
}

func (p purse) without(id string) purse {
	cost, _, _ := p.order(id)
	p = p.with(id, 0, false)
	p.available, p.reserved = p.available+cost, p.reserved-cost
	return p
}

// purseModel is the account's, which begins with so many cents.
func purseModel(cents int64) porcupine.Model {
	return porcupine.Model{
		Partition:         byAccount,
		Init:              func() any { return purse{available: cents} },
		Step:              func(state, in, out any) (bool, any) { return state.(purse).step(in.(deed), out.(seen)) },
		DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v -> %+v", in, out) },
	}
}

func byAccount(history []porcupine.Operation) [][]porcupine.Operation {
	parts := map[uint64][]porcupine.Operation{}
	for _, op := range history {
		a := op.Input.(deed).account
		parts[a] = append(parts[a], op)
	}
	var out [][]porcupine.Operation
	for _, a := range slices.Sorted(maps.Keys(parts)) {
		out = append(out, parts[a])
	}
	return out
}

func (p purse) step(d deed, s seen) (bool, any) {
	_, open, known := p.order(d.id)
	switch d.kind {
	case place:
		switch {
		case s.refused:
			// A refused order is remembered under its id, too.
			return !known && p.available < d.cost, p.with(d.id, 0, false)
		case !s.found:
			return false, p
		}
		return !known && p.available >= d.cost, p.with(d.id, d.cost, true)
	case cancel:
		switch {
		case !s.found:
			return !known, p
		case s.open:
			return false, p
		case s.done && !s.repeated:
			return known && !open, p
		case s.repeated && known && !open: // an earlier try of it, or another's
			return true, p
		}
		return open, p.without(d.id)
	case readOrder:
		return s.found == known && s.open == open, p
	default:
		return s.available == p.available && s.reserved == p.reserved, p
	}
}
