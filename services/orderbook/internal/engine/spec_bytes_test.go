package engine_test

import (
	"testing"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/engine"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// TestUndecodablePack: what is no pack, or has no gateway or number, is skipped
// and told of.
func TestUndecodablePack(t *testing.T) {
	r := scene(t, "")
	for _, data := range [][]byte{{0xff}, {0x0a, 0x05, 'x'}, {}, protowire.AppendVarint([]byte{0x10}, 7)} {
		r.nowMs++
		p := &ordersv1.Pack{}
		if proto.Unmarshal(data, p) != nil {
			p = nil
		}
		got := r.sendBytes("api", p, data)
		if a := got.events[0].GetPackApplied(); !a.Bad || !a.Skipped || !got.applied.Bad || len(r.reply.Bytes()) != 0 {
			t.Fatalf("%x: %v, answered with %x", data, a, r.reply.Bytes())
		}
	}
}

// TestUndecodableCommand: it is refused, and the pack goes on.
func TestUndecodableCommand(t *testing.T) {
	r := scene(t, "")
	good, err := proto.Marshal(r.parse("buy 1 1@90 gtc #1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{{0x12, 0x7f}, {0xff, 0xff}, {0x12, 0x02, 0x08}, {}, {0xfa, 0x07, 0x00}} {
		r.packNo["api"]++
		p := &ordersv1.Pack{Gateway: "api", PackNo: r.packNo["api"], SentAtMs: r.nowMs, Commands: []*ordersv1.Command{{}, r.parse("buy 1 1@90 gtc #1"), r.parse("cancel 1 #1")}}
		data, err := proto.Marshal(&ordersv1.Pack{Gateway: "api", PackNo: p.PackNo, SentAtMs: p.SentAtMs})
		if err != nil {
			t.Fatal(err)
		}
		cancel, err := proto.Marshal(p.Commands[2])
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range [][]byte{bad, good, cancel} {
			data = protowire.AppendBytes(protowire.AppendTag(data, 4, protowire.BytesType), c)
		}
		got := r.sendBytes("api", p, data)
		if got.reply.Outcomes[0].Reject != ordersv1.RejectReason_REJECT_REASON_BAD_COMMAND || got.reply.Outcomes[1].OrderId == 0 {
			t.Fatalf("%x: %v", bad, got.reply)
		}
	}
}

// FuzzBytes: no bytes make the engine fall, lose money, or skip a message
// without a word.
func FuzzBytes(f *testing.F) {
	r := newRig(f)
	for _, line := range []string{"buy 1 5@100 gtc a display=2", "pair sell 2 5@110 gtc #1 / sell 2 5 - #2 type=stop trigger=95", "replace 1 a with buy 1 1@1 gtc d",
		"cancel_all 1 market=1", "amend 1 a price=7"} {
		data, err := proto.Marshal(&ordersv1.Pack{Gateway: "api", PackNo: 1_000, SentAtMs: zero, Commands: []*ordersv1.Command{r.parse(line)}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "api")
	}
	f.Fuzz(func(t *testing.T, data []byte, from string) {
		r := newRig(t)
		r.wine("maker_fee=1000")
		r.play("sell 1 5@100 gtc #1\nbuy 2 5@99 gtc #1")
		var out engine.Batch
		r.e.Apply(engine.Input{Seq: r.seq + 1, From: from, ServerMs: zero, Data: data}, &out, nil)
		if events, err := out.Events(); err != nil || len(events) == 0 || events[0].GetPackApplied() == nil {
			t.Fatalf("events %v, %v", events, err)
		}
		if err := r.e.Audit(); err != nil {
			t.Fatal(err)
		}
	})
}
