package engine

import (
	"math/bits"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"
)

// Messages of usual and other fields, cut and with bytes changed, with others after
// them in memory or none: what is read with the short way is what is read without.
func TestUsualReadersAgainstGeneral(t *testing.T) {
	t.Parallel()
	number := rapid.Custom(func(t *rapid.T) uint64 {
		return rapid.Uint64().Draw(t, "bits") >> rapid.IntRange(0, 63).Draw(t, "shift")
	})
	rapid.Check(t, func(t *rapid.T) {
		var b []byte
		for range rapid.IntRange(0, 12).Draw(t, "fields") {
			field := protowire.Number(rapid.SampledFrom([]int{1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 6, 7, 8, 9, 10, 16, 17, 18, 18, 19, 19, 20, 33}).Draw(t, "field"))
			switch rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 5}).Draw(t, "wire") {
			case 0:
				b = protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), number.Draw(t, "value"))
			case 1:
				b = protowire.AppendFixed64(protowire.AppendTag(b, field, protowire.Fixed64Type), 7)
			case 2:
				b = protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), []byte("abc"))
			case 5:
				b = protowire.AppendFixed32(protowire.AppendTag(b, field, protowire.Fixed32Type), 7)
			}
		}
		if len(b) > 0 && rapid.Bool().Draw(t, "damaged") {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
			b = b[:rapid.IntRange(0, len(b)).Draw(t, "cut")]
		}
		after := rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "after")
		b = append(b, after...)[:len(b)]
		var usual, general Command
		var p, q spare
		read := (usual.readUsual(b) || usual.readOrder(b, &p)) == general.readOrder(b, &q)
		sameOrders(t, read, &usual, &general, b)
		usual, general = Command{}, Command{}
		read = (usual.readUsualName(b) || usual.readName(b)) == general.readName(b)
		sameOrders(t, read, &usual, &general, b)
	})
}

func sameOrders(t *rapid.T, read bool, a, b *Command, data []byte) {
	t.Helper()
	x, y := *a, *b
	ext := (x.Ext == nil) == (y.Ext == nil) && (x.Ext == nil || *x.Ext == *y.Ext)
	names := string(x.ClientID) == string(y.ClientID)
	x.Ext, y.Ext, x.ClientID, y.ClientID = nil, nil, nil, nil
	same := x.Op == y.Op && x.kind() == y.kind() && x.Malformed == y.Malformed && x.PostOnly == y.PostOnly && x.Market == y.Market &&
		x.Account == y.Account && x.OrderID == y.OrderID && x.Ref == y.Ref && x.Price == y.Price && x.Quantity == y.Quantity
	if !read || !ext || !names || !same {
		t.Fatalf("%x is %+v and %+v", data, a, b)
	}
}

// Every length of a number, with memory after it that says it goes on.
func TestShortVarint(t *testing.T) {
	t.Parallel()
	for shift := range 64 {
		for _, v := range []uint64{1 << shift, 1<<shift - 1, 1<<shift | 1} {
			b := protowire.AppendVarint(nil, v)
			size := len(b)
			b = append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)[:size]
			got, n := short(b)
			if fits := bits.Len64(v) <= 56; fits && (got != v || n != size) || !fits && n != 0 {
				t.Fatalf("%d is read as %d of %d bytes", v, got, n)
			}
			if _, n := short(b[:size-1]); n != 0 {
				t.Fatalf("%d is read beyond its end", v)
			}
		}
	}
	if _, n := short(make([]byte, 7)); n != 0 {
		t.Fatal("memory is read beyond its end")
	}
}
