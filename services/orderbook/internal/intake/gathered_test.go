package intake

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/engine"
)

func pack(t *testing.T, gateway string, no uint64, cmds ...*ordersv1.Command) []byte {
	t.Helper()
	data, err := proto.Marshal(&ordersv1.Pack{Gateway: gateway, PackNo: no, SentAtMs: 1000, Commands: cmds})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// applied says what became of each pack of a message.
func applied(t *testing.T, e *engine.Engine, seq uint64, from string, data []byte) (said []string) {
	t.Helper()
	var out engine.Batch
	var reply engine.Reply
	if err := Apply(e, engine.Input{Seq: seq, From: from, ServerMs: 1000, Data: data}, &out, &reply, func(in engine.Input, res engine.Applied) {
		r := &ordersv1.PackReply{}
		if err := proto.Unmarshal(reply.Bytes(), r); err != nil {
			t.Error(err)
		}
		said = append(said, fmt.Sprintf("%s skipped=%v bad=%v no=%d seq=%d", Gateway(in.Data), res.Skipped, res.Bad, r.GetPackNo(), r.GetInSeq()))
	}); err != nil {
		t.Fatal(err)
	}
	return said
}

func TestGatheredPacksAreAppliedOneByOne(t *testing.T) {
	t.Parallel()
	e := engine.New(engine.Options{})
	both := AppendGathered(AppendGathered(nil, pack(t, "a", 1)), pack(t, "b", 7))
	torn := both[:len(both)-1]
	mixed := append(slices.Clone(both), pack(t, "c", 1)...)
	activate := func(v uint32) []byte {
		return pack(t, "admin", uint64(v), &ordersv1.Command{Op: &ordersv1.Command_Activate{Activate: &ordersv1.Activate{Semantics: v}}})
	}
	for seq, step := range []struct {
		from string
		data []byte
		want []string
	}{
		// A program of before finds no gateway in it; so does this one, until the
		// version is in force.
		{"api", both, []string{" skipped=true bad=true no=0 seq=0"}},
		{"admin", activate(3), []string{"admin skipped=false bad=false no=3 seq=2"}},
		{"admin", activate(engine.GatheredPacks), []string{"admin skipped=false bad=false no=4 seq=3"}},
		{"api", pack(t, "b", 6), []string{"b skipped=false bad=false no=6 seq=4"}},
		{"api", both, []string{"a skipped=false bad=false no=1 seq=5", "b skipped=false bad=false no=7 seq=5"}},
		// The same by another way, alone and gathered again.
		{"api", pack(t, "b", 7), []string{"b skipped=true bad=false no=0 seq=0"}},
		{"api", AppendGathered(both, pack(t, "a", 2)), []string{"a skipped=true bad=false no=0 seq=0", "b skipped=true bad=false no=0 seq=0", "a skipped=false bad=false no=2 seq=7"}},
		// Bad at its end: nothing of it is applied.
		{"api", torn, []string{" skipped=true bad=true no=0 seq=0"}},
		{"api", mixed, []string{"c skipped=false bad=false no=1 seq=9"}},
		// One in it that cannot be used, empty or gathered itself, is bad alone.
		{"api", AppendGathered(AppendGathered(AppendGathered(nil, nil), both), pack(t, "d", 1)),
			[]string{" skipped=true bad=true no=0 seq=0", " skipped=true bad=true no=0 seq=0", "d skipped=false bad=false no=1 seq=10"}},
	} {
		if got := applied(t, e, uint64(seq+1), step.from, step.data); !slices.Equal(got, step.want) {
			t.Errorf("message %d:\n got %q\nwant %q", seq+1, got, step.want)
		}
	}
	if g, no := Pack(both); g != "b" || no != 7 {
		t.Errorf("the message ends with pack %d of %q", no, g)
	}
}

func FuzzGathered(f *testing.F) {
	f.Add([]byte{gatheredTag, 1, 0x0a, gatheredTag, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var again []byte
		whole := gathered(data)
		for pack, rest := next(data); ; pack, rest = next(rest) {
			if again = AppendGathered(again, pack); len(rest) == 0 {
				break
			}
		}
		// Lengths have several encodings; what they hold has not.
		if whole && !gathered(again) {
			t.Fatalf("%x gives %x", data, again)
		}
	})
}
