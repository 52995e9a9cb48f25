package tape

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// line is an event line, read.
type line struct {
	Cmd          int    `json:"cmd"`
	Type         string `json:"type"`
	Account      uint32 `json:"account"`
	Ref          uint64 `json:"ref"`
	MakerAccount uint32 `json:"maker_account"`
	Maker        uint64 `json:"maker"`
	Price        int64  `json:"price"`
	Qty          uint64 `json:"qty"`
	Reason       string `json:"reason"`
}

func lines(t rapid.TB, text string) (out []line) {
	t.Helper()
	for l := range strings.Lines(text) {
		d := json.NewDecoder(strings.NewReader(l))
		d.DisallowUnknownFields()
		var v line
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%v in %s", err, l)
		}
		out = append(out, v)
	}
	return out
}

// naive is a book as a list of orders in the order of arrival: slow and plain,
// for tapes whose accounts can pay for everything. Self-trades are the default's.
type naive struct {
	orders []naiveOrder
	cmd    int
	out    []line
}

type naiveOrder struct {
	account  uint32
	ref      uint64
	side     Side
	price    int64
	quantity uint64
	filled   uint64
}

func (o *naiveOrder) open() uint64 { return o.quantity - o.filled }

func (b *naive) say(kind string, account uint32, ref uint64) *line {
	b.out = append(b.out, line{Cmd: b.cmd, Type: kind, Account: account, Ref: ref})
	return &b.out[len(b.out)-1]
}

func (b *naive) reject(r Record, why string) { b.say("rejected", r.Account, r.Ref).Reason = why }

func (b *naive) find(account uint32, ref uint64) int {
	return slices.IndexFunc(b.orders, func(o naiveOrder) bool { return o.account == account && o.ref == ref })
}

// best finds the resting order that an order of a side meets first; nothing
// when its limit (0: none) is not met.
func (b *naive) best(s Side, limit int64) int {
	best := -1
	for i, o := range b.orders {
		if o.side == s || limit != 0 && (s == Bid && o.price > limit || s == Ask && o.price < limit) {
			continue
		}
		if best < 0 || s == Bid && o.price < b.orders[best].price || s == Ask && o.price > b.orders[best].price {
			best = i
		}
	}
	return best
}

// fillable is what a fill-or-kill order gets, up to the first order of its account.
func (b *naive) fillable(r Record) (lots uint64) {
	rest := slices.Clone(b.orders)
	c := naive{orders: rest}
	for {
		i := c.best(r.Side, r.Price)
		if i < 0 || c.orders[i].account == r.Account {
			return lots
		}
		lots += c.orders[i].open()
		c.orders = slices.Delete(c.orders, i, i+1)
	}
}

// match returns whether the order's own account stopped it.
func (b *naive) match(o *naiveOrder, limit int64) (stopped bool) {
	for o.open() > 0 {
		i := b.best(o.side, limit)
		if i < 0 {
			return false
		}
		m := &b.orders[i]
		if m.account == o.account {
			b.end(o, "self_trade")
			return true
		}
		lots := min(m.open(), o.open())
		m.filled, o.filled = m.filled+lots, o.filled+lots
		l := b.say("trade", o.account, o.ref)
		l.MakerAccount, l.Maker, l.Price, l.Qty = m.account, m.ref, m.price, lots
		if m.open() == 0 {
			b.orders = slices.Delete(b.orders, i, i+1)
		}
	}
	return false
}

func (b *naive) end(o *naiveOrder, why string) {
	l := b.say("canceled", o.account, o.ref)
	l.Qty, l.Reason = o.open(), why
}

func (b *naive) apply(cmd int, r Record) {
	b.cmd = cmd
	at := b.find(r.Account, r.Ref)
	switch {
	case r.Op != OpNew && at < 0:
		b.reject(r, "unknown_order")
	case r.Op == OpCancel:
		b.end(&b.orders[at], "requested")
		b.orders = slices.Delete(b.orders, at, at+1)
	case r.Op == OpAmend:
		b.amend(at, r)
	case at >= 0:
		b.reject(r, "duplicate")
	default:
		b.place(r)
	}
}

func (b *naive) place(r Record) {
	limit := r.Price
	switch {
	case r.Kind == Market && r.TIF == PostOnly:
		b.reject(r, "bad_command")
		return
	case r.Kind == Limit && r.Price <= 0:
		b.reject(r, "bad_price")
		return
	case r.Quantity == 0:
		b.reject(r, "bad_quantity")
		return
	case r.TIF == PostOnly && b.best(r.Side, limit) >= 0:
		b.reject(r, "would_take")
		return
	case r.TIF == FOK && b.fillable(r) < r.Quantity:
		b.reject(r, "fok_unfillable")
		return
	}
	o := naiveOrder{account: r.Account, ref: r.Ref, side: r.Side, price: limit, quantity: r.Quantity}
	l := b.say("accepted", r.Account, r.Ref)
	l.Price, l.Qty = limit, r.Quantity
	if b.match(&o, limit) || o.open() == 0 {
		return
	}
	switch {
	case r.Kind == Market:
		b.end(&o, "market_remainder")
	case r.TIF == IOC:
		b.end(&o, "ioc_remainder")
	default:
		b.orders = append(b.orders, o)
	}
}

func (b *naive) amend(at int, r Record) {
	o := b.orders[at]
	price, quantity := o.price, o.quantity
	if r.Price != 0 {
		price = r.Price
	}
	if r.Quantity != 0 {
		quantity = r.Quantity
	}
	switch {
	case r.Price < 0:
		b.reject(r, "bad_price")
		return
	case quantity <= o.filled:
		b.reject(r, "bad_quantity")
		return
	}
	keeps := price == o.price && quantity <= o.quantity
	o.price, o.quantity = price, quantity
	l := b.say("amended", o.account, o.ref)
	l.Price, l.Qty = price, quantity
	if keeps {
		b.orders[at] = o
		return
	}
	b.orders = slices.Delete(b.orders, at, at+1)
	if !b.match(&o, o.price) && o.open() > 0 {
		b.orders = append(b.orders, o)
	}
}

// drawTape draws records that meet often: few accounts, refs and prices. Amends
// of post-only orders are left out: the naive book forgets that they are.
func drawTape(t *rapid.T) []Record {
	n := rapid.IntRange(1, 120).Draw(t, "records")
	posts := map[[2]uint64]bool{}
	out := make([]Record, 0, n)
	for range n {
		r := Record{
			Op: Op(rapid.SampledFrom([]int{0, 0, 0, 0, 1, 2, 2}).Draw(t, "op")), Side: Side(rapid.IntRange(0, 1).Draw(t, "side")),
			Account: uint32(rapid.IntRange(0, 2).Draw(t, "account")), Ref: uint64(rapid.IntRange(0, 9).Draw(t, "ref")),
			Price: int64(rapid.IntRange(-1, 6).Draw(t, "price")), Quantity: uint64(rapid.IntRange(0, 6).Draw(t, "lots")),
		}
		name := [2]uint64{uint64(r.Account), r.Ref}
		if r.Op == OpNew {
			r.TIF = TIF(rapid.SampledFrom([]int{0, 0, 0, 0, 1, 2, 3}).Draw(t, "tif"))
			if rapid.IntRange(0, 9).Draw(t, "type") == 0 {
				r = r.atMarket()
			}
			posts[name] = posts[name] || r.TIF == PostOnly
		} else if r.Op == OpAmend && posts[name] {
			r.Op = OpCancel
		}
		out = append(out, r)
	}
	return out
}

// Any tape gives the lines that a naive book gives, the same twice, and after
// every command lots are neither made nor lost.
func TestAgainstNaiveBook(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tape := drawTape(t)
		var text bytes.Buffer
		sum, err := Play(tape, Settings{Prefund: true}, &text)
		if err != nil {
			t.Fatal(err)
		}
		got := lines(t, text.String())
		b := &naive{}
		for i, r := range tape {
			b.apply(i, r)
		}
		for i := range max(len(got), len(b.out)) {
			if i >= len(got) || i >= len(b.out) || got[i] != b.out[i] {
				t.Fatalf("line %d of %d: %+v, want of %d %+v\ntape: %+v", i, len(got), at(got, i), len(b.out), at(b.out, i), tape)
			}
		}
		if sum.Resting != len(b.orders) {
			t.Fatalf("%d orders rest, want %d", sum.Resting, len(b.orders))
		}
		conserved(t, got, b.orders)
		again, err := Play(tape, Settings{Prefund: true}, nil)
		if err != nil || again.Digest != sum.Digest {
			t.Fatalf("digest %x, then %x, %v", sum.Digest, again.Digest, err)
		}
	})
}

func at(l []line, i int) line {
	if i < len(l) {
		return l[i]
	}
	return line{Type: "nothing"}
}

// conserved adds up the lines: every order's whole quantity is what it traded,
// what was canceled and what rests, and every trade has two sides.
func conserved(t rapid.TB, all []line, resting []naiveOrder) {
	t.Helper()
	left := map[string]int64{} // by account and ref; accepted, dead and accepted again adds up
	whole := map[string]uint64{}
	name := func(account uint32, ref uint64) string { return fmt.Sprintf("%d/%d", account, ref) }
	for _, l := range all {
		n := name(l.Account, l.Ref)
		switch l.Type {
		case "accepted":
			left[n] += int64(l.Qty)
			whole[n] = l.Qty
		case "amended":
			left[n] += int64(l.Qty) - int64(whole[n])
			whole[n] = l.Qty
		case "canceled":
			left[n] -= int64(l.Qty)
		case "trade":
			left[n] -= int64(l.Qty)
			left[name(l.MakerAccount, l.Maker)] -= int64(l.Qty)
		}
	}
	for i := range resting {
		left[name(resting[i].account, resting[i].ref)] -= int64(resting[i].open())
	}
	for n, lots := range left {
		if lots != 0 {
			t.Fatalf("order %s has %d lots more than were traded, canceled or rest", n, lots)
		}
	}
}
