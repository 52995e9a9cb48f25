package market

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	tradesv1 "fondaco.dev/proto/trades/v1"
)

// written is a message as the order book writes the frequent ones: every field
// in order, zeros too.
func written(r *rand.Rand, widths ...int) []byte {
	var b []byte
	for i, w := range widths {
		v := r.Uint64() >> r.IntN(64)
		if r.IntN(3) == 0 {
			v = 0
		}
		if w == 4 {
			b = protowire.AppendFixed32(protowire.AppendTag(b, protowire.Number(i+1), protowire.Fixed32Type), uint32(v))
		} else {
			b = protowire.AppendFixed64(protowire.AppendTag(b, protowire.Number(i+1), protowire.Fixed64Type), v)
		}
	}
	return b
}

// TestFramed: events in the order book's own form are read as the generated code
// reads them, also into a message that held another one before, and so are those
// that are a little different.
func TestFramed(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(9, 9))
	var accepted tradesv1.OrderAccepted
	var rested tradesv1.OrderRested
	var canceled tradesv1.OrderCanceled
	var balance tradesv1.BalanceChanged
	for _, c := range []struct {
		widths []int
		into   proto.Message
		decode func(b []byte) bool
	}{
		{[]int{8, 8, 8, 8, 8, 4, 4, 8, 8}, &accepted, func(b []byte) bool { return decodeAccepted(b, &accepted) }},
		{[]int{8, 8, 8}, &rested, func(b []byte) bool { return decodeRested(b, &rested) }},
		{[]int{8, 8, 8, 4}, &canceled, func(b []byte) bool { return decodeCanceled(b, &canceled) }},
		{[]int{8, 8, 8, 4}, &balance, func(b []byte) bool { return decodeBalance(b, &balance) }},
	} {
		for range 300 {
			raw := written(r, c.widths...)
			switch r.IntN(3) {
			case 0:
				at := 9 * r.IntN(len(raw)/9)
				raw = append(raw[:at:at], raw[at+9:]...) // may be cut inside a field
			case 1:
				raw = raw[:r.IntN(len(raw)+1)]
			}
			want := c.into.ProtoReflect().New().Interface()
			if err := proto.Unmarshal(raw, want); err != nil {
				if c.decode(raw) {
					t.Fatalf("%T: read %x, which is none: %v", c.into, raw, err)
				}
				continue
			}
			if c.decode(raw) && !proto.Equal(c.into, want) {
				t.Fatalf("%T: %v, want %v", c.into, c.into, want)
			}
		}
		if raw := written(r, c.widths...); !framed(raw, c.widths...) || !c.decode(raw) {
			t.Errorf("%T: the order book's own form is not read at once", c.into)
		}
	}
}

// TestRowSize: an order is two cache lines.
func TestRowSize(t *testing.T) {
	t.Parallel()
	if n := unsafe.Sizeof(row{}); n != 128 {
		t.Errorf("a row takes %d bytes", n)
	}
}
