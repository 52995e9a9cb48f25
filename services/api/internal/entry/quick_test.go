package entry

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"
)

// usual are messages that the quick way takes.
var usual = []string{
	`{"op":"order.place","id":1,"data":[{"symbol":"W-U","side":"buy","type":"limit","time_in_force":"GTC","price":"1.50","quantity":"4","client_ref":7}]}`,
	`{"op":"order.place","id":"a-1","data":[{"symbol":"W-U","side":"sell","price":12,"quantity":40,"client_order_id":"mine 7"},{"client_ref":8,"side":"buy","symbol":"W-U","time_in_force":"IOC","quantity":"2","price":"0.05"}]}`,
	` { "op" : "order.place" , "id" : 12 , "data" : [ { "symbol" : "W-U" , "side" : "buy" , "time_in_force" : "FOK" , "price" : "3" , "quantity" : "2" , "client_ref" : 999999999999999999 } ]
}`,
	`{"op":"order.batch","id":3,"data":[{"op":"place","symbol":"W-U","side":"buy","price":"1.5","quantity":"4","client_ref":7}]}`,
}

// unusual are messages that it leaves to the general way, be they right or wrong.
var unusual = []string{
	`{"op":"order.place","id":1,"data":[{"symbol":"W-U","side":"buy","price":"1.51","quantity":"4","client_ref":7}]}`,
	`{"op":"order.place","id":1,"data":[{"symbol":"W-U","side":"BUY","price":"1.50","quantity":"4","client_ref":7}]}`,
	`{"op":"order.place","id":1,"data":[{"symbol":"W-U","side":"buy","price":1.5,"quantity":"4","client_ref":7}]}`,
	`{"op":"order.place","id":1,"data":[{"symbol":"W-U","side":"buy","price":"1.50","quantity":"4"}]}`,
	`{"op":"order.place","id":1,"data":[{"symbol":"W-U","side":"buy","price":"1.50","quantity":"4","client_ref":7,"client_order_id":"a"}]}`,
	`{"op":"order.place","id":1,"data":[{"symbol":"W-U","side":"buy","price":"1.50","quantity":"4","client_ref":7,"client_ref":8}]}`,
	`{"op":"order.place","id":1,"data":[{"symbol":"W-U","side":"buy","price":"1.50","quantity":"4","client_order_id":"\u0041"}]}`,
	`{"op":"order.place","id":1,"data":[{"symbol":"X-U","side":"buy","price":"1.50","quantity":"4","client_ref":7}]}`,
	`{"op":"order.place","id":1,"data":[{"symbol":"W-U","side":"buy","price":"1.50","quantity":"4","client_ref":7,"post_only":true}]}`,
	`{"op":"order.place","id":1,"data":[{"op":"place","symbol":"W-U","side":"buy","price":"1.50","quantity":"4","client_ref":7}]}`,
	`{"op":"order.batch","id":3,"data":[{"symbol":"W-U","side":"buy","price":"1.5","quantity":"4","client_ref":7}]}`,
	`{"op":"order.place","id":1,"data":[{"symbol":"W-U","side":"buy","price":"1.50","quantity":"4","client_ref":07}]}`,
	`{"op":"order.place","id":1,"data":[{"symbol":"W-U","side":"buy","price":"1.50","quantity":"4","client_ref":7},]}`,
	`{"op":"order.place","id":1,"data":[{"symbol":"W-U","side":"buy","price":"1.50","quantity":"4","client_ref":7}]]}`,
	`{"op":"order.place","id":1,"data":[{"symbol":"W-U","side":"buy","price":"1.50","quantity":"4","client_ref":7}],"id":2}`,
	`{"op":"order.place","id":1,"data":[]}`, `{"op":"order.place","id":1,"data":[{}]}`, `{"op":"order.place","id":1,"data":}`, `{"op":"order.place","id":1,"data":[`,
}

var opOfMessage = map[string]string{"order.place": "place", "order.batch": "", "order.cancel": "cancel"}

// agree reads a message in both ways. What the quick one takes is what the general
// one reads, to the byte.
func agree(t *testing.T, text []byte) (taken bool) {
	t.Helper()
	var m, want Many
	h, ok := QuickHead(text)
	op, known := opOfMessage[string(h.Op)]
	if !ok || !known || !m.Quick(reader(), h.Data, op, 7, "id") {
		if m.Sent() != 0 || len(m.commands) != 0 || len(m.Data) != 0 {
			t.Fatalf("%s: something was read", text)
		}
		return false
	}
	g, ok := ReadHead(text)
	if !ok || !bytes.Equal(g.Op, h.Op) || !bytes.Equal(g.ID, h.ID) || !bytes.Equal(g.Data, bytes.TrimSpace(h.Data)) {
		t.Fatalf("%s: the head is %q, %v; want %q", text, h, ok, g)
	}
	r := reader()
	want.reset()
	if err := want.general(r, g.Data, op, 7, "id"); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	for i := range m.commands { // of two directories
		for _, c := range []*Many{&m, &want} {
			if c.errors[i] != nil || c.commands[i].Market.Symbol != "W-U" || c.commands[i].Market != c.commands[i].First.Market {
				t.Fatalf("%s: %v", text, c.errors[i])
			}
			c.commands[i].Market, c.commands[i].First.Market = nil, nil
		}
	}
	if !bytes.Equal(m.Data, want.Data) || m.Sent() != want.Sent() || m.New() != want.New() || !reflect.DeepEqual(m.commands, want.commands) {
		t.Fatalf("%s:\n%+v\nwant\n%+v", text, m.commands, want.commands)
	}
	return true
}

const bytesToTry = "\"\\{}[],:0123456789.eE+-abcxyz \x00\x7f"

func TestQuick(t *testing.T) {
	t.Parallel()
	for _, text := range usual {
		if !agree(t, []byte(text)) {
			t.Errorf("left to the general way: %s", text)
		}
	}
	for _, text := range unusual {
		if agree(t, []byte(text)) {
			t.Errorf("taken: %s", text)
		}
	}
	many := []byte(`{"op":"order.place","id":1,"data":[`)
	for i := range MaxBatch + 1 {
		if i > 0 {
			many = append(many, ',')
		}
		many = append(many, `{"symbol":"W-U","side":"buy","price":"1.50","quantity":"4","client_ref":7}`...)
	}
	if agree(t, append(many, `]}`...)) {
		t.Error("more than a request may hold was taken")
	}
	// Small changes of what is usual.
	r := rand.New(rand.NewPCG(4, 4))
	taken := 0
	for range 30_000 {
		text := []byte(usual[r.IntN(len(usual))])
		for range 1 + r.IntN(2) {
			i := r.IntN(len(text))
			switch r.IntN(3) {
			case 0:
				text[i] = bytesToTry[r.IntN(len(bytesToTry))]
			case 1:
				text = append(text[:i], text[i+1:]...)
			default:
				j := r.IntN(len(text))
				text = append(text[:i:i], append(bytes.Clone(text[j:min(len(text), j+r.IntN(12))]), text[i:]...)...)
			}
		}
		if agree(t, text) {
			taken++
		}
	}
	if taken < 1000 {
		t.Errorf("%d of 30,000 changed messages were taken: too few to show anything", taken)
	}
}

// FuzzQuick: no bytes make the two ways differ.
func FuzzQuick(f *testing.F) {
	for _, text := range append(usual, unusual...) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) { agree(t, text) })
}

// BenchmarkMany reads the array that bench-book sends.
func BenchmarkMany(b *testing.B) {
	raw := []byte{'['}
	for i := range MaxBatch {
		if i > 0 {
			raw = append(raw, ',')
		}
		raw = append(raw, `{"symbol":"W-U","side":"buy","type":"limit","time_in_force":"GTC","price":"17.50","quantity":"10","client_ref":1234567}`...)
	}
	raw = append(raw, ']')
	var m Many
	r := reader()
	read := func(b *testing.B, take func()) {
		b.ReportAllocs()
		for b.Loop() {
			if take(); m.Sent() != MaxBatch {
				b.Fatal(m.errors)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/MaxBatch, "ns/order")
	}
	b.Run("quick", func(b *testing.B) { read(b, func() { m.Quick(r, raw, "place", 7, "id") }) })
	b.Run("general", func(b *testing.B) { read(b, func() { m.reset(); _ = m.general(r, raw, "place", 7, "id") }) })
}
