package eventhandler

import (
	"testing"

	"google.golang.org/protobuf/proto"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/internal/memlog"
)

// TestFirstHeight of a subject: its contracts without a start_block begin there
// after a restart, and lower heights would never be read a second time.
func TestFirstHeight(t *testing.T) {
	t.Parallel()
	block := func(n uint64) *chainv1.Unit {
		return &chainv1.Unit{Kind: &chainv1.Unit_Block{Block: &chainv1.Block{Number: n}}}
	}
	span := func(from, to uint64) *chainv1.Unit {
		return &chainv1.Unit{Kind: &chainv1.Unit_Range{Range: &chainv1.Range{From: from, To: to}}}
	}
	part := func(i uint32) *chainv1.Unit {
		return &chainv1.Unit{Kind: &chainv1.Unit_Part{Part: &chainv1.BlockPart{I: i, N: 2}}}
	}
	reverted := &chainv1.Unit{Kind: &chainv1.Unit_Reverted{Reverted: &chainv1.Reverted{ToNumber: 99}}}
	at := func(head, backfill uint64) *chainv1.Resume {
		return &chainv1.Resume{Started: true, Head: head, BackfillHeight: backfill}
	}
	for name, c := range map[string]struct {
		packs []*chainv1.Pack
		want  uint64
	}{
		"a block":                        {[]*chainv1.Pack{{Units: []*chainv1.Unit{block(100), block(101)}, Resume: at(101, 0)}}, 100},
		"a block, reverted":              {[]*chainv1.Pack{{Units: []*chainv1.Unit{block(100), reverted}, Resume: at(99, 0)}}, 100},
		"blocks and their Range":         {[]*chainv1.Pack{{Units: []*chainv1.Unit{block(500), span(100, 900)}, Resume: at(900, 901)}}, 100},
		"blocks, their Range comes next": {[]*chainv1.Pack{{Units: []*chainv1.Unit{block(500)}, Resume: at(500, 100)}}, 100},
		"a block in parts": {[]*chainv1.Pack{
			{Units: []*chainv1.Unit{part(1)}, Resume: &chainv1.Resume{}}, {Units: []*chainv1.Unit{part(2)}, Resume: at(100, 0)},
		}, 100},
	} {
		log := &memlog.Log{}
		var digest []byte
		var seq uint64
		for _, p := range c.packs {
			data, err := proto.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			if seq, err = log.Publish(t.Context(), seq, digest, data); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := firstHeight(t.Context(), log); err != nil || got != c.want {
			t.Errorf("%s: %d, %v; want %d", name, got, err, c.want)
		}
	}
}
