package intake

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/core"
)

func TestInput(t *testing.T) {
	t.Parallel()
	p := &ordersv1.Pack{Gateway: "g", PackNo: 3, SentAtMs: 5, Commands: []*ordersv1.Command{{RequestId: "r"}}}
	data, err := proto.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	in := Input("main", &bus.Message{Subject: "orders.v1.main.api", Seq: 9, Time: time.UnixMilli(77), Data: data})
	if in.Seq != 9 || in.From != "api" || in.ServerMs != 77 || !proto.Equal(in.Pack, p) {
		t.Fatalf("%+v", in)
	}
}

func TestDecodeDamagedCommand(t *testing.T) {
	t.Parallel()
	good, err := proto.Marshal(&ordersv1.Command{Op: &ordersv1.Command_Tick{Tick: &ordersv1.Tick{}}})
	if err != nil {
		t.Fatal(err)
	}
	data := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "g")
	for _, c := range [][]byte{good, {0xff, 0xff}, good} {
		data = protowire.AppendBytes(protowire.AppendTag(data, commandsField, protowire.BytesType), c)
	}
	p := Decode(data)
	if p == nil || p.Gateway != "g" || len(p.Commands) != 3 || p.Commands[0].Op == nil || p.Commands[1].Op != nil || p.Commands[2].Op == nil {
		t.Fatalf("%v", p)
	}
}

func TestDecodeDamagedPack(t *testing.T) {
	t.Parallel()
	for _, data := range [][]byte{{0xff}, {0x0a, 0x05, 'a'}, []byte("<html>not a pack</html>"), {0x0a, 0x01, 0xff}} {
		if p := Decode(data); p != nil {
			t.Errorf("%x decoded to %v", data, p)
		}
	}
}

func TestPoisonIsAnError(t *testing.T) {
	t.Parallel()
	e := core.New()
	var out core.Batch
	if _, err := Apply(e, core.Input{Seq: 2}, &out, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Apply(e, core.Input{Seq: 1}, &out, nil); !errors.Is(err, ErrPoison) {
		t.Fatal(err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x0a, 0x01, 'g', 0x22, 0x01, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) { Decode(data) })
}
