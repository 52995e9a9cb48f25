package core

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// base is the stream time at which scenarios begin, Unix milliseconds.
const base = 1_700_000_000_000

// venue drives an engine the way the stream does: packs with rising sequences
// and timestamps, an audit and a decode after each.
type venue struct {
	t      fataler
	e      *Engine
	seq    uint64
	nowMs  int64
	packNo map[string]uint64
	out    Batch
	reply  Reply
}

func newVenue(t fataler) *venue {
	return &venue{t: t, e: New(), nowMs: base, packNo: map[string]uint64{}}
}

// fataler is what testing.T and rapid.T share.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// result is a pack's effect, decoded.
type result struct {
	applied Applied
	events  []*tradesv1.Event
	reply   *ordersv1.PackReply
}

// send applies commands as the next pack of the gateway named like from.
func (v *venue) send(from string, cmds ...*ordersv1.Command) result {
	v.packNo[from]++
	return v.sendPack(from, &ordersv1.Pack{Gateway: from, PackNo: v.packNo[from], SentAtMs: v.nowMs, Commands: cmds})
}

func (v *venue) sendPack(from string, p *ordersv1.Pack) result {
	v.t.Helper()
	v.seq++
	v.out.Reset()
	a := v.e.Apply(Input{Seq: v.seq, From: from, ServerMs: v.nowMs, Pack: p}, &v.out, &v.reply)
	if err := v.e.Audit(); err != nil {
		v.t.Fatalf("audit after pack %d: %v", v.seq, err)
	}
	events, err := v.out.Events()
	if err != nil {
		v.t.Fatalf("decoding the events of pack %d: %v", v.seq, err)
	}
	// The hand-written encoding is the canonical one, and knows every field.
	back, err := proto.MarshalOptions{Deterministic: true}.Marshal(&tradesv1.Output{Events: events})
	if err != nil || !bytes.Equal(back, v.out.data) {
		v.t.Fatalf("events of pack %d: not the canonical encoding (%v)\n%x\n%x", v.seq, err, v.out.data, back)
	}
	reply := &ordersv1.PackReply{}
	if err := proto.Unmarshal(v.reply.Bytes(), reply); err != nil {
		v.t.Fatalf("decoding the reply of pack %d: %v", v.seq, err)
	}
	if back, err := (proto.MarshalOptions{Deterministic: true}).Marshal(reply); err != nil || !bytes.Equal(back, v.reply.Bytes()) {
		v.t.Fatalf("reply of pack %d: not the canonical encoding (%v)", v.seq, err)
	}
	return result{a, events, reply}
}

// open makes the market of most tests: WINE-USD, whole bottles, cents.
func (v *venue) open(makerPPM, takerPPM int64) {
	v.send("admin", assetOf("USD", 2), assetOf("WINE", 0), marketOf("WINE-USD", "WINE", "USD", 1, 1, makerPPM, takerPPM))
}

func assetOf(name string, scale uint32) *ordersv1.Command {
	return &ordersv1.Command{Op: &ordersv1.Command_AddAsset{AddAsset: &ordersv1.AddAsset{Name: name, Scale: scale}}}
}

func marketOf(symbol, base, quote string, tick, lot, maker, taker int64) *ordersv1.Command {
	return &ordersv1.Command{Op: &ordersv1.Command_AddMarket{AddMarket: &ordersv1.AddMarket{
		Symbol: symbol, Base: base, Quote: quote, Tick: tick, Lot: lot, MakerFeePpm: maker, TakerFeePpm: taker}}}
}

func fund(account uint64, asset string, amount int64, id string) *ordersv1.Command {
	return &ordersv1.Command{Op: &ordersv1.Command_Deposit{Deposit: &ordersv1.Deposit{
		Account: account, Asset: asset, Amount: amount, DepositId: id}}}
}

func cancelID(account, id uint64) *ordersv1.Command {
	return &ordersv1.Command{Op: &ordersv1.Command_Cancel{Cancel: &ordersv1.CancelOrder{Account: account, OrderId: id}}}
}

func limit(account uint64, side ordersv1.Side, tif ordersv1.TimeInForce, lots, price int64, cid string) *ordersv1.Command {
	return &ordersv1.Command{Op: &ordersv1.Command_NewOrder{NewOrder: &ordersv1.NewOrder{
		Account: account, Symbol: "WINE-USD", Side: side, Type: ordersv1.OrderType_ORDER_TYPE_LIMIT, TimeInForce: tif,
		PriceTicks: price, QuantityLots: lots, ClientOrderId: cid}}}
}

const (
	buy  = ordersv1.Side_SIDE_BUY
	sell = ordersv1.Side_SIDE_SELL
	gtc  = ordersv1.TimeInForce_TIME_IN_FORCE_GTC
	ioc  = ordersv1.TimeInForce_TIME_IN_FORCE_IOC
	fok  = ordersv1.TimeInForce_TIME_IN_FORCE_FOK
)

// text writes a message as "name field=value ...", zero fields left out.
func text(m protoreflect.Message) string {
	var b strings.Builder
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if !m.Has(f) {
			continue
		}
		if f.ContainingOneof() != nil {
			return string(f.Name()) + text(m.Get(f).Message())
		}
		if f.IsList() {
			for k := range m.Get(f).List().Len() {
				fmt.Fprintf(&b, " [%s]", strings.TrimSpace(text(m.Get(f).List().Get(k).Message())))
			}
			continue
		}
		switch v := m.Get(f); f.Kind() {
		case protoreflect.MessageKind:
			fmt.Fprintf(&b, " %s{%s}", f.Name(), strings.TrimSpace(text(v.Message())))
		case protoreflect.EnumKind:
			name := string(f.Enum().Values().ByNumber(v.Enum()).Name())
			for _, p := range []string{"ORDER_STATUS_", "ORDER_TYPE_", "TIME_IN_FORCE_", "REJECT_REASON_", "CANCEL_REASON_", "SIDE_"} {
				name = strings.TrimPrefix(name, p)
			}
			fmt.Fprintf(&b, " %s=%s", f.Name(), strings.ToLower(name))
		default:
			s := v.String()
			if strings.HasSuffix(string(f.Name()), "_ms") {
				s = "+" + strconv.FormatInt(v.Int()-base, 10)
			}
			fmt.Fprintf(&b, " %s=%s", f.Name(), s)
		}
	}
	return b.String()
}
