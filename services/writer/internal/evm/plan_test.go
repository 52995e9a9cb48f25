package evm_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"fondaco.dev/services/writer/internal/decode"
	"fondaco.dev/services/writer/internal/evm"
	"fondaco.dev/services/writer/internal/writertest"

	chainv1 "fondaco.dev/proto/chain/v1"
	feedv1 "fondaco.dev/proto/feed/v1"
)

func planner(head evm.Head, held map[uint64][]byte) *evm.Planner {
	n := writertest.EVMNetwork("dev")
	return &evm.Planner{Network: "dev", Decoder: decode.New(n.Contracts), Head: head,
		Held: func(number uint64) ([]byte, error) { return held[number], nil }}
}

func pack(units ...*chainv1.Unit) *chainv1.Pack { return &chainv1.Pack{Units: units} }

// show writes steps as B<number>@<row>, e@<row>, R<to>@<row>, [from..to]@<row>.
func show(steps []evm.Step) string {
	var out []string
	row := func(pos uint64) int { _, r := feedv1.SplitPosition(pos); return r }
	for _, s := range steps {
		switch s := s.(type) {
		case *evm.Segment:
			for _, b := range s.Blocks {
				out = append(out, fmt.Sprintf("B%d@%d", b.Number, row(b.Pos)))
			}
			for _, e := range s.Events {
				out = append(out, fmt.Sprintf("e%d@%d", e.BlockNumber, row(e.Pos)))
			}
			for _, r := range s.Ranges {
				out = append(out, fmt.Sprintf("[%d..%d]@%d", r.From, r.To, row(r.Pos)))
			}
		case *evm.Revert:
			out = append(out, fmt.Sprintf("R%d<%d@%d", s.ToNumber, s.FromNumber, row(s.Pos)))
		case *evm.Repair:
			out = append(out, fmt.Sprintf("P%d@%d", s.Block.Number, row(s.Pos)))
		}
	}
	return strings.Join(out, " ")
}

func TestPositionsCountRowsOfUnits(t *testing.T) {
	t.Parallel()
	a0 := writertest.Block(nil, 2, 1)
	a1 := writertest.Block(a0, 1, 1)
	b1 := writertest.Block(a0, 0, 2)
	p := planner(evm.Head{}, nil)
	err := p.Take(9, pack(writertest.U(a0), writertest.Final(a0), writertest.U(a1), writertest.Revert(a0), writertest.U(b1)))
	if got := show(p.Steps); err != nil || got != "B0@0 B1@4 e0@1 e0@2 e1@5 R0<1@6 B1@7" {
		t.Errorf("%s %v", got, err)
	}
	// The next message of the batch goes on in the same run of rows.
	err = p.Take(10, pack(writertest.U(writertest.Block(b1, 1, 1))))
	if got := show(p.Steps); err != nil || got != "B0@0 B1@4 e0@1 e0@2 e1@5 R0<1@6 B1@7 B2@0 e2@1" || len(p.Steps) != 3 {
		t.Errorf("%s %v", got, err)
	}
}

func TestWhatBreaksTheChain(t *testing.T) {
	t.Parallel()
	a0 := writertest.Block(nil, 1, 1)
	a1, b1 := writertest.Block(a0, 1, 1), writertest.Block(a0, 1, 2)
	a2, b2 := writertest.Block(a1, 0, 1), writertest.Block(b1, 1, 1)
	at := func(b *chainv1.Block) evm.Head {
		return evm.Head{Started: true, Number: b.GetNumber(), Hash: b.GetHash()}
	}
	held := map[uint64][]byte{0: a0.GetHash(), 1: a1.GetHash()}
	for name, tt := range map[string]struct {
		units  []*chainv1.Unit
		broken bool
		steps  string
		dup    int
	}{
		"the child":                   {units: []*chainv1.Unit{writertest.U(a2)}, steps: "B2@0"},
		"another's child":             {units: []*chainv1.Unit{writertest.U(b2)}, broken: true},
		"the head again":              {units: []*chainv1.Unit{writertest.U(a1), writertest.U(a2)}, steps: "B2@2", dup: 1},
		"a sibling without a revert":  {units: []*chainv1.Unit{writertest.U(b1)}, broken: true},
		"a revert above the head":     {units: []*chainv1.Unit{writertest.Revert(a2)}, broken: true},
		"a revert to another block":   {units: []*chainv1.Unit{writertest.Revert(&chainv1.Block{Hash: b1.GetHash()})}, broken: true},
		"a revert to the head":        {units: []*chainv1.Unit{writertest.Revert(a1)}, dup: 1},
		"a range that leaves a hole":  {units: []*chainv1.Unit{writertest.Range(3, &chainv1.Block{Number: 9, Hash: a2.GetHash()})}, broken: true},
		"a range above":               {units: []*chainv1.Unit{writertest.Range(2, &chainv1.Block{Number: 9, Hash: a2.GetHash()})}, steps: "[2..9]@0"},
		"a range that was there":      {units: []*chainv1.Unit{writertest.Range(0, a0)}, dup: 1},
		"a range to another head":     {units: []*chainv1.Unit{writertest.Range(0, b1)}, broken: true},
		"nothing after a good unit":   {units: []*chainv1.Unit{writertest.U(a2), writertest.U(b1)}, broken: true},
		"a block in parts":            {units: writertest.Parts(a2, 1), steps: "B2@0"},
		"a block in parts, abandoned": {units: append(writertest.Parts(a2, 2)[:1], writertest.Abandon(a2))},
	} {
		p := planner(at(a1), held)
		err := p.Take(2, pack(tt.units...))
		if errors.Is(err, evm.ErrBroken) != tt.broken || (err != nil) != tt.broken || show(p.Steps) != tt.steps || p.Duplicates != tt.dup || p.Open() {
			t.Errorf("%s: %v %q dup %d open %v", name, err, show(p.Steps), p.Duplicates, p.Open())
		}
		if err != nil && p.Head.Number != 1 {
			t.Errorf("%s: the head moved to %d", name, p.Head.Number)
		}
	}
}

func TestPartsOutOfOrderStop(t *testing.T) {
	t.Parallel()
	parts := writertest.Parts(writertest.Block(nil, 4, 1), 3)
	for _, order := range [][]int{{1}, {0, 2}, {0, 1, 1}} {
		p := planner(evm.Head{}, nil)
		var err error
		for _, i := range order {
			err = errors.Join(err, p.Take(1, pack(parts[i])))
		}
		if err == nil || errors.Is(err, evm.ErrBroken) {
			t.Errorf("parts %v: %v", order, err)
		}
	}
	p := planner(evm.Head{}, nil)
	for _, i := range []int{0, 1, 0, 1, 2} { // begun anew
		if err := p.Take(1, pack(parts[i])); err != nil {
			t.Fatal(err)
		}
	}
	if got := show(p.Steps); got != "B0@0 e0@1 e0@2 e0@3 e0@4" {
		t.Error(got)
	}
}

func TestPoisonNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for reason, spoil := range map[string]func(b *chainv1.Block){
		"parent hash of 3 bytes":                  func(b *chainv1.Block) { b.ParentHash = []byte{1, 2, 3} },
		"address of 1 bytes":                      func(b *chainv1.Block) { b.Logs[1].Address = []byte{1} },
		"5 topics":                                func(b *chainv1.Block) { b.Logs[0].Topics = make([][]byte, 5) },
		"topic of 0 bytes":                        func(b *chainv1.Block) { b.Logs[0].Topics = make([][]byte, 1) },
		"logs are not ascending":                  func(b *chainv1.Block) { b.Logs[1].Index = 0 },
		"transaction 7 is not in the block":       func(b *chainv1.Block) { b.Logs[1].TxIndex = 7 },
		"tx 0: hash of 0 bytes":                   func(b *chainv1.Block) { b.Txs[0].Hash = nil },
		"a number is out of range":                func(b *chainv1.Block) { b.Time = 1 << 63 },
		"a log's index is out of range":           func(b *chainv1.Block) { b.Logs[0].Index = 1 << 31 },
		"hash of 0 bytes":                         func(b *chainv1.Block) { b.Hash = nil },
		"a block in parts cannot be read: proto":  nil,
		"does not belong to an evm network":       nil,
		"repair of a block that is not canonical": nil,
		"range 5..4 with a hash of 32 bytes":      nil,
		"finalized height is out of range":        nil,
		"repair: hash of 0 bytes":                 nil,
	} {
		b := writertest.Block(nil, 2, 1)
		unit := writertest.U(b)
		switch {
		case spoil != nil:
			spoil(b)
		case strings.HasPrefix(reason, "a block in parts"):
			unit = &chainv1.Unit{Kind: &chainv1.Unit_Part{Part: &chainv1.BlockPart{Hash: b.Hash, I: 1, N: 1, Data: []byte{0xff}}}}
		case strings.HasPrefix(reason, "does not belong"):
			unit = &chainv1.Unit{}
		case strings.HasPrefix(reason, "repair of"):
			unit = &chainv1.Unit{Kind: &chainv1.Unit_Repair{Repair: &chainv1.Repair{Block: b}}}
		case strings.HasPrefix(reason, "repair: "):
			unit = &chainv1.Unit{Kind: &chainv1.Unit_Repair{Repair: &chainv1.Repair{Block: &chainv1.Block{}}}}
		case strings.HasPrefix(reason, "finalized"):
			unit = writertest.Final(&chainv1.Block{Number: 1 << 63})
		case strings.HasPrefix(reason, "range"):
			unit = writertest.Range(5, &chainv1.Block{Number: 4, Hash: b.Hash})
		default:
			continue
		}
		p := planner(evm.Head{}, nil)
		if err := p.Take(1, pack(unit)); err != nil {
			t.Errorf("%s: %v", reason, err)
			continue
		}
		if len(p.Dead) != 1 || !strings.Contains(p.Dead[0].Reason, reason) || len(p.Steps) != 0 {
			t.Errorf("%s: %+v, steps %s", reason, p.Dead, show(p.Steps))
		}
	}
}

// Whatever the messages, rows are those of the chain that is left, and a
// message that is refused leaves the plan alone.
func TestPlanIsTheChainThatIsLeft(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		p := planner(evm.Head{}, nil)
		var stack []*chainv1.Block
		for seq := range rapid.IntRange(1, 10).Draw(r, "messages") {
			var units []*chainv1.Unit
			for range rapid.IntRange(0, 5).Draw(r, "units") {
				if len(stack) > 1 && rapid.Bool().Draw(r, "revert") {
					stack = stack[:len(stack)-rapid.IntRange(1, len(stack)-1).Draw(r, "depth")]
					units = append(units, writertest.Revert(stack[len(stack)-1]))
					continue
				}
				var parent *chainv1.Block
				if len(stack) > 0 {
					parent = stack[len(stack)-1]
				}
				b := writertest.Block(parent, rapid.IntRange(0, 3).Draw(r, "logs"), uint64(seq))
				stack = append(stack, b)
				units = append(units, writertest.U(b))
			}
			if err := p.Take(uint64(seq+1), pack(units...)); err != nil {
				r.Fatal(err)
			}
			if rapid.Bool().Draw(r, "spoiled message") {
				before, rows := show(p.Steps), p.Rows
				other := writertest.Block(nil, 1, 99)
				other.Number = p.Head.Number + 1
				if err := p.Take(uint64(seq+1), pack(writertest.U(other))); len(stack) > 0 && !errors.Is(err, evm.ErrBroken) {
					r.Fatalf("a stranger's block gave %v", err)
				} else if err == nil {
					return
				}
				if show(p.Steps) != before || p.Rows != rows {
					r.Fatal("a refused message changed the plan")
				}
			}
		}
		blocks := map[uint64][]byte{}
		for _, s := range p.Steps {
			switch s := s.(type) {
			case *evm.Segment:
				for _, b := range s.Blocks {
					if blocks[b.Number] != nil {
						r.Fatalf("block %d is there twice", b.Number)
					}
					blocks[b.Number] = b.Hash
				}
			case *evm.Revert:
				for n := range blocks {
					if n > s.ToNumber {
						delete(blocks, n)
					}
				}
			}
		}
		if len(blocks) != len(stack) {
			r.Fatalf("%d blocks, want %d", len(blocks), len(stack))
		}
		for _, b := range stack {
			if !bytes.Equal(blocks[b.GetNumber()], b.GetHash()) {
				r.Fatalf("block %d is %x, want %x", b.GetNumber(), blocks[b.GetNumber()], b.GetHash())
			}
		}
	})
}

func FuzzTake(f *testing.F) {
	seed, _ := proto.Marshal(pack(writertest.U(writertest.Block(nil, 2, 1))))
	f.Add(seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		var m chainv1.Pack
		if proto.Unmarshal(data, &m) != nil {
			return
		}
		p := planner(evm.Head{}, nil)
		_ = p.Take(1, &m)
		evm.FeedRows("dev", p.Steps, 1<<20)
	})
}
