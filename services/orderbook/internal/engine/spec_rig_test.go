package engine_test

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/internal/engine"
	"fondaco.dev/services/orderbook/internal/twin"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// zero is the stream time at which scenarios begin, Unix milliseconds: midnight UTC.
const zero = 1_700_006_400_000

// fataler is what testing.T and rapid.T share.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// rig drives the engine and the twin with the same packs and fails where they
// differ in events, answers, depth, or balances, where the engine's audit finds
// a fault, or where money is not conserved. A second engine sees the same packs
// but never a snapshot; its digest must stay that of the first.
type rig struct {
	t        fataler
	e, plain *engine.Engine
	w        *twin.Venue
	seq      uint64
	nowMs    int64
	packNo   map[string]uint64
	out      engine.Batch
	reply    engine.Reply
	log      []string
	lastOf   map[string][]byte // a gateway's last pack, for repeats
	tape     []deed
}

// bound lowers the work that one command may do.
func (r *rig) bound(n int) {
	r.tape = append(r.tape, deed{nowMs: int64(n)})
	r.e.SetWorkBound(n)
	r.plain.SetWorkBound(n)
	r.w.Bound = n
}

// result is what a pack did.
type result struct {
	events  []*tradesv1.Event
	reply   *ordersv1.PackReply
	applied engine.Applied
}

func newRig(t fataler) *rig {
	return &rig{t: t, e: engine.New(engine.Options{}), plain: engine.New(engine.Options{}), w: twin.New(), nowMs: zero,
		packNo: map[string]uint64{}, lastOf: map[string][]byte{}}
}

// send applies commands as the next pack of the gateway named like from.
func (r *rig) send(from string, cmds ...*ordersv1.Command) result {
	r.t.Helper()
	r.packNo[from]++
	return r.sendPack(from, &ordersv1.Pack{Gateway: from, PackNo: r.packNo[from], SentAtMs: r.nowMs, Commands: cmds})
}

func (r *rig) sendPack(from string, p *ordersv1.Pack) result {
	r.t.Helper()
	data, err := proto.Marshal(p)
	if err != nil {
		r.t.Fatalf("encoding a pack: %v", err)
	}
	r.lastOf[p.Gateway] = data
	return r.sendBytes(from, p, data)
}

func (r *rig) sendBytes(from string, p *ordersv1.Pack, data []byte) result {
	r.t.Helper()
	r.seq++
	r.tape = append(r.tape, deed{from: from, nowMs: r.nowMs, pack: p, data: data})
	r.log = append(r.log, fmt.Sprintf("pack %d %s +%d sent+%d no=%d", r.seq, from, r.nowMs-zero, p.GetSentAtMs()-zero, p.GetPackNo()))
	for _, c := range p.GetCommands() {
		r.log = append(r.log, "   "+text(c.ProtoReflect()))
	}
	in := engine.Input{Seq: r.seq, From: from, ServerMs: r.nowMs, Data: data}
	r.out.Reset()
	a := r.e.Apply(in, &r.out, &r.reply)
	got := r.decode()
	got.applied = a
	var spare engine.Batch
	r.plain.Apply(in, &spare, nil)
	if !bytes.Equal(spare.Bytes(), r.out.Bytes()) {
		r.fail("two engines with the same packs differ in their events")
	}
	want, answer := r.w.Apply(r.seq, from, r.nowMs, p)
	if answer == nil {
		answer = &ordersv1.PackReply{}
	}
	r.sameEvents(want, got.events)
	if !proto.Equal(answer, got.reply) {
		r.fail("the answers differ\n  twin %s\nengine %s", text(answer.ProtoReflect()), text(got.reply.ProtoReflect()))
	}
	r.sameState()
	return got
}

// decode reads events and answer, and holds the hand-written encoding to the
// canonical one.
func (r *rig) decode() result {
	r.t.Helper()
	events, err := r.out.Events()
	if err != nil {
		r.fail("decoding the events: %v", err)
	}
	reply := &ordersv1.PackReply{}
	if err := proto.Unmarshal(r.reply.Bytes(), reply); err != nil {
		r.fail("decoding the answer: %v", err)
	}
	if r.out.Len() != len(events) {
		r.fail("the batch counts %d events and holds %d", r.out.Len(), len(events))
	}
	for _, e := range events {
		if known := e.ProtoReflect().GetUnknown(); len(known) > 0 {
			r.fail("an event has fields that trades.v1 does not know: %x", known)
		}
	}
	return result{events: events, reply: reply}
}

func (r *rig) sameEvents(want, got []*tradesv1.Event) {
	r.t.Helper()
	w, wb := splitBalances(want)
	g, gb := splitBalances(got)
	for i := range max(len(w), len(g)) {
		if i >= len(w) || i >= len(g) || !proto.Equal(w[i], g[i]) {
			r.fail("event %d differs\n  twin:\n%s\nengine:\n%s", i, lines(w, i), lines(g, i))
		}
	}
	if !slices.Equal(wb, gb) {
		r.fail("the balances differ\n  twin %s\nengine %s", wb, gb)
	}
}

// splitBalances takes the BalanceChanged off, sorted: their order is the
// engine's own.
func splitBalances(all []*tradesv1.Event) (rest []*tradesv1.Event, balances []string) {
	for i, e := range all {
		if b := e.GetBalanceChanged(); b != nil {
			balances = append(balances, text(b.ProtoReflect()))
		} else {
			if len(balances) > 0 {
				balances = append(balances, fmt.Sprintf("event %d after a balance", i))
			}
			rest = append(rest, e)
		}
	}
	slices.Sort(balances)
	return rest, balances
}

// lines are the events around the i-th.
func lines(all []*tradesv1.Event, i int) string {
	var b strings.Builder
	for k := max(0, i-3); k < min(len(all), i+4); k++ {
		fmt.Fprintf(&b, "    %d %s\n", k, text(all[k].ProtoReflect()))
	}
	return b.String()
}

func (r *rig) sameState() {
	r.t.Helper()
	if err := r.e.Audit(); err != nil {
		r.fail("audit: %v", err)
	}
	if r.e.Digest() != r.plain.Digest() {
		r.fail("the digest is not that of the engine that saw no snapshot")
	}
	if as := r.w.Conserved(); as != 0 {
		r.fail("the twin lost money of asset %d", as)
	}
	if n := r.e.Size().LiveOrders; n != r.w.Live() {
		r.fail("%d live orders, the twin has %d", n, r.w.Live())
	}
	for m := uint32(1); int(m) <= r.w.Markets(); m++ {
		bids, asks := r.e.Depth(m, 1<<20)
		for side, levels := range map[ordersv1.Side][]engine.Level{buy: bids, sell: asks} {
			want := r.w.Depth(m, side)
			if !slices.EqualFunc(levels, want, func(g engine.Level, w twin.Level) bool {
				return g.Price == w.Price && g.Lots == w.Lots && int64(g.Orders) == w.Orders
			}) {
				r.fail("market %d side %d: depth %v, the twin has %v", m, side, levels, want)
			}
		}
		got, _ := r.e.Market(m)
		if got.Last != r.w.Last(m) || got.Phase != uint8(r.w.Phase(m)) {
			r.fail("market %d: last %d phase %d, the twin has %d %d", m, got.Last, got.Phase, r.w.Last(m), r.w.Phase(m))
		}
	}
	for account := uint64(1); account <= 6; account++ {
		for as := uint32(1); int(as) <= r.w.Assets(); as++ {
			a, s := r.e.Balance(account, as)
			if wa, ws := r.w.Balance(account, as); a != wa || s != ws {
				r.fail("account %d asset %d: %d+%d, the twin has %d+%d", account, as, a, s, wa, ws)
			}
		}
	}
}

// restart goes on from a snapshot, copy from a clone.
func (r *rig) restart() {
	r.t.Helper()
	r.tape = append(r.tape, deed{restart: true})
	data := r.e.AppendSnapshot(nil)
	e, err := engine.Restore(data)
	if err != nil {
		r.fail("restoring: %v", err)
	}
	if again := e.AppendSnapshot(nil); !bytes.Equal(again, data) {
		r.fail("a restored engine writes another snapshot")
	}
	r.took("snapshot", e)
}

func (r *rig) copy() {
	r.t.Helper()
	r.tape = append(r.tape, deed{copy: true})
	r.took("clone", r.e.Clone())
}

func (r *rig) took(how string, e *engine.Engine) {
	r.t.Helper()
	r.log = append(r.log, how)
	e.SetWorkBound(r.w.Bound)
	if err := e.Audit(); err != nil {
		r.fail("audit after a %s: %v", how, err)
	}
	if e.Digest() != r.e.Digest() {
		r.fail("the %s has another digest", how)
	}
	r.e = e
}

// fail tells what was done so far.
func (r *rig) fail(format string, args ...any) {
	r.t.Helper()
	from := max(0, len(r.log)-60)
	r.t.Fatalf("%s\nafter\n%s", fmt.Sprintf(format, args...), strings.Join(r.log[from:], "\n"))
}

// text writes a message as "name field=value ...", zero fields left out.
func text(m protoreflect.Message) string {
	var b strings.Builder
	fields := m.Descriptor().Fields()
	order := make([]protoreflect.FieldDescriptor, fields.Len())
	for i := range order {
		order[i] = fields.Get(i)
	}
	slices.SortFunc(order, func(a, b protoreflect.FieldDescriptor) int { return cmp.Compare(a.Number(), b.Number()) })
	for _, f := range order {
		if !m.Has(f) {
			continue
		}
		name := string(f.Name())
		switch v := m.Get(f); {
		case f.ContainingOneof() != nil:
			b.WriteString(name + text(v.Message()))
		case f.IsList():
			for k := range v.List().Len() {
				fmt.Fprintf(&b, " [%s]", strings.TrimSpace(text(v.List().Get(k).Message())))
			}
		case f.Kind() == protoreflect.MessageKind:
			fmt.Fprintf(&b, " %s{%s}", name, strings.TrimSpace(text(v.Message())))
		case f.Kind() == protoreflect.EnumKind:
			fmt.Fprintf(&b, " %s=%s", name, enumName(f.Enum(), v.Enum()))
		case f.Kind() == protoreflect.BytesKind:
			fmt.Fprintf(&b, " %s=%.8x", name, v.Bytes())
		case name == "kind":
			k := uint32(v.Uint())
			fmt.Fprintf(&b, " kind=%s", strings.Join(kindNames(k), ","))
		case name == "taker_side":
			fmt.Fprintf(&b, " taker_side=%s", enumName(ordersv1.Side(0).Descriptor(), protoreflect.EnumNumber(v.Uint())))
		case name == "reason":
			fmt.Fprintf(&b, " reason=%s", enumName(ordersv1.CancelReason(0).Descriptor(), protoreflect.EnumNumber(v.Uint())))
		case strings.HasSuffix(name, "_ms") && !strings.HasPrefix(name, "timeout") && !strings.HasPrefix(name, "pause") && !strings.HasPrefix(name, "day"):
			n, _ := strconv.ParseInt(v.String(), 10, 64)
			fmt.Fprintf(&b, " %s=%+d", name, n-zero)
		default:
			fmt.Fprintf(&b, " %s=%s", name, v.String())
		}
	}
	return b.String()
}

func enumName(d protoreflect.EnumDescriptor, n protoreflect.EnumNumber) string {
	v := d.Values().ByNumber(n)
	if v == nil {
		return strconv.Itoa(int(n))
	}
	unset := string(d.Values().Get(0).Name())
	return strings.ToLower(strings.TrimPrefix(string(v.Name()), strings.TrimSuffix(unset, "UNSPECIFIED")))
}

func kindNames(k uint32) []string {
	names := []string{
		enumName(ordersv1.Side(0).Descriptor(), protoreflect.EnumNumber(k&255)),
		enumName(ordersv1.OrderType(0).Descriptor(), protoreflect.EnumNumber(k>>8&255)),
		enumName(ordersv1.TimeInForce(0).Descriptor(), protoreflect.EnumNumber(k>>16&255)),
	}
	if k>>24 != 0 {
		names = append(names, enumName(ordersv1.SelfTrade(0).Descriptor(), protoreflect.EnumNumber(k>>24)))
	}
	return names
}

// quiet sends lines from api, many to a pack, to the engine and the twin and
// compares only the ends.
func (r *rig) quiet(script []string) (all []*tradesv1.Event) {
	r.t.Helper()
	for len(script) > 0 {
		n := min(len(script), 1000)
		r.seq++
		r.packNo["api"]++
		p := &ordersv1.Pack{Gateway: "api", PackNo: r.packNo["api"], SentAtMs: r.nowMs}
		for _, line := range script[:n] {
			p.Commands = append(p.Commands, r.parse(line))
		}
		script = script[n:]
		data, err := proto.Marshal(p)
		if err != nil {
			r.t.Fatalf("encoding a pack: %v", err)
		}
		in := engine.Input{Seq: r.seq, From: "api", ServerMs: r.nowMs, Data: data}
		r.out.Reset()
		r.e.Apply(in, &r.out, &r.reply)
		all = append(all, r.decode().events...)
	}
	return all
}
