package intake

import (
	"errors"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/engine"
)

func encoded(t *testing.T, gateway string, ids ...string) []byte {
	t.Helper()
	p := &ordersv1.Pack{Gateway: gateway, PackNo: 3, SentAtMs: 5}
	for _, id := range ids {
		p.Commands = append(p.Commands, &ordersv1.Command{RequestId: id, Op: &ordersv1.Command_Tick{Tick: &ordersv1.Tick{}}})
	}
	data, err := proto.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestInput(t *testing.T) {
	t.Parallel()
	data := encoded(t, "g", "r")
	in := Input("main", &bus.Message{Subject: "orders.v1.main.api", Seq: 9, Time: time.UnixMilli(77), Data: data})
	if in.Seq != 9 || in.From != "api" || in.ServerMs != 77 || string(in.Data) != string(data) {
		t.Fatalf("%+v", in)
	}
}

func TestGatewayAndRequestIDs(t *testing.T) {
	t.Parallel()
	data := encoded(t, "api-1", "a", "", "b", "c")
	if g := Gateway(data); string(g) != "api-1" {
		t.Errorf("gateway %q", g)
	}
	if ids := RequestIDs([]string{"x"}, data, 3); !slices.Equal(ids, []string{"x", "a", "b"}) {
		t.Errorf("request ids %q", ids)
	}
	// Fields in another order are the same pack.
	turned := append(encoded(t, "", "a"), encoded(t, "api-2")...)
	if g := Gateway(turned); string(g) != "api-2" {
		t.Errorf("gateway %q", g)
	}
	for _, bad := range [][]byte{nil, {0xff}, {0x0a, 0x05, 'a'}, []byte("<html>not a pack</html>")} {
		if g := Gateway(bad); g != nil {
			t.Errorf("%x has the gateway %q", bad, g)
		}
		if ids := RequestIDs(nil, bad, 3); ids != nil {
			t.Errorf("%x has request ids %q", bad, ids)
		}
	}
}

func TestPoisonIsAnError(t *testing.T) {
	t.Parallel()
	e := engine.New(engine.Options{})
	var out engine.Batch
	if err := Apply(e, engine.Input{Seq: 2}, &out, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := Apply(e, engine.Input{Seq: 1}, &out, nil, nil); !errors.Is(err, ErrPoison) {
		t.Fatal(err)
	}
}

func FuzzPeek(f *testing.F) {
	f.Add([]byte{0x0a, 0x01, 'g', 0x22, 0x01, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		Gateway(data)
		if ids := RequestIDs(nil, data, 5); len(ids) > 5 {
			t.Fatal(ids)
		}
	})
}
