package evm

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/internal/core"
)

// sums are the sums of some logs by the address that emitted them.
type sums map[common.Address]chainv1.Sum

func (s sums) add(a common.Address, digest [32]byte) {
	one := s[a]
	one.Add(digest)
	s[a] = one
}

// total is the sum of all addresses.
func (s sums) total() chainv1.Sum {
	var out chainv1.Sum
	for _, one := range s {
		out.Join(one)
	}
	return out
}

// seen is one block as it stands in the subject.
type seen struct {
	hash common.Hash
	sums sums
}

// span is what stands in the subject of the heights from..to.
type span struct {
	from, to uint64
	blocks   map[uint64]seen // canonical, as listed; a Range lists none
	toHash   common.Hash     // of block to; zero when the subject does not name it
	begin    uint64          // stream sequence of the first message read
	end      uint64          // stream sequence behind the last message read
	marks    []mark          // ends of the messages read, in order
}

// mark is where a message ends: the height of its last block, and the stream
// sequence behind it.
type mark struct{ head, next uint64 }

// next is the stream sequence at which reading of to+1 begins.
func (sp *span) next() uint64 {
	for _, m := range slices.Backward(sp.marks) {
		if m.head <= sp.to {
			return m.next
		}
	}
	return sp.begin
}

// bound ends the span where it holds more logs than that, at the earliest behind
// its first block.
func (sp *span) bound(logs uint64) {
	total := uint64(0)
	for n := sp.from; n < sp.to; n++ {
		if total += sp.blocks[n].sums.total().Logs; total > logs {
			sp.shorten(n)
			return
		}
	}
}

// shorten makes to the last height.
func (sp *span) shorten(to uint64) {
	if to >= sp.to {
		return
	}
	for n := range sp.blocks {
		if n > to {
			delete(sp.blocks, n)
		}
	}
	sp.to, sp.toHash = to, sp.blocks[to].hash
}

// subject reads back what was published: the stream says what readers have got,
// not what this process believes to have sent. It goes forward, so that a pass
// over the whole chain reads each message once.
type subject struct {
	log  core.Log
	keep *Filter // counted logs; nil: all
	next uint64  // the height for which at is right
	at   uint64  // stream sequence to read on from; 0: not known
}

// purgedError says that the stream does not hold what was published of low
// heights any more.
type purgedError struct{ first uint64 }

func (e *purgedError) Error() string {
	return fmt.Sprintf("the stream holds nothing of the heights below %d any more", e.first)
}

// read returns what stands in the subject of from..to: nil while not all of
// them are stored as final. With whole it reads to the subject's end and takes
// heights that are not final too.
func (s *subject) read(ctx context.Context, from, to uint64, whole bool) (*span, error) {
	if s.at == 0 || s.next != from {
		at, err := s.locate(ctx, from)
		if err != nil || at == 0 {
			return nil, err
		}
		s.at, s.next = at, from
	}
	out := &span{from: from, to: to, blocks: map[uint64]seen{}, begin: s.at, end: s.at}
	var parts []*chainv1.BlockPart
	reached := false
	for {
		m, err := s.log.Next(ctx, out.end)
		if err != nil {
			return nil, fmt.Errorf("reading back from message %d: %w", out.end, err)
		}
		if m == nil {
			break
		}
		p, err := core.Decode(m)
		if err != nil {
			return nil, err
		}
		if parts, err = s.take(out, p, parts); err != nil {
			return nil, err
		}
		out.end = m.Seq + 1
		if leavesOpen(p) {
			continue // its resume is that of the message before
		}
		r := p.GetResume()
		if r.GetStarted() {
			out.marks = append(out.marks, mark{r.GetHead(), out.end})
		}
		if whole {
			reached = r.GetHead() >= to
		} else if r.GetFinalized() >= to {
			reached = true
			break
		}
	}
	if !reached {
		return nil, nil
	}
	return out, nil
}

// done notes that the span needs not be read again.
func (s *subject) done(sp *span) { s.at, s.next = sp.next(), sp.to+1 }

// take applies one pack to the span.
func (s *subject) take(out *span, p *chainv1.Pack, parts []*chainv1.BlockPart) ([]*chainv1.BlockPart, error) {
	for _, u := range p.GetUnits() {
		switch k := u.GetKind().(type) {
		case *chainv1.Unit_Block:
			s.put(out, k.Block)
		case *chainv1.Unit_Repair:
			s.put(out, k.Repair.GetBlock())
		case *chainv1.Unit_Abandon:
			parts = nil
		case *chainv1.Unit_Part:
			if k.Part.GetI() == 1 {
				parts = nil
			}
			parts = append(parts, k.Part)
			if k.Part.GetI() < k.Part.GetN() || len(parts) != int(k.Part.GetN()) {
				continue
			}
			b, err := core.Assemble(parts)
			if err != nil {
				return nil, err
			}
			parts = nil
			s.put(out, b)
		case *chainv1.Unit_Range:
			if k.Range.GetTo() == out.to {
				out.toHash = common.BytesToHash(k.Range.GetToHash())
			}
		case *chainv1.Unit_Reverted:
			for n := range out.blocks {
				if n > k.Reverted.GetToNumber() {
					delete(out.blocks, n)
				}
			}
			if k.Reverted.GetToNumber() < out.to {
				out.toHash = common.Hash{}
			}
		}
	}
	return parts, nil
}

func (s *subject) put(out *span, b *chainv1.Block) {
	if n := b.GetNumber(); n < out.from || n > out.to {
		return
	}
	out.blocks[b.GetNumber()] = s.seen(b)
	if b.GetNumber() == out.to {
		out.toHash = common.BytesToHash(b.GetHash())
	}
}

// seen counts the logs of a block that stands in the subject.
func (s *subject) seen(b *chainv1.Block) seen {
	out := seen{hash: common.BytesToHash(b.GetHash())}
	if len(b.GetLogs()) == 0 {
		return out // most blocks of most subjects
	}
	out.sums = sums{}
	txs := b.TxHashes()
	for _, l := range b.GetLogs() {
		if s.keep != nil && !s.keep.Match(logOf(b, l)) {
			continue
		}
		out.sums.add(common.BytesToAddress(l.GetAddress()), chainv1.LogDigest(b.GetHash(), txs[l.GetTxIndex()], l))
	}
	return out
}

// logOf is a published log with what Filter.Match looks at.
func logOf(b *chainv1.Block, l *chainv1.Log) *Log {
	out := &Log{Address: common.BytesToAddress(l.GetAddress()), BlockNumber: b.GetNumber()}
	for _, t := range l.GetTopics() {
		out.Topics = append(out.Topics, common.BytesToHash(t))
	}
	return out
}

// locate finds the stream sequence from which height from is read: behind the
// newest message that ended below it, before it became final. Zero when it is
// not in the subject. It bisects, so that a subject of any length takes some
// twenty reads.
func (s *subject) locate(ctx context.Context, from uint64) (uint64, error) {
	last, err := s.log.Last(ctx)
	if err != nil || last == nil {
		return 0, err
	}
	lo, hi := uint64(1), last.Seq
	for lo < hi {
		mid := lo + (hi-lo)/2
		m, err := s.log.Next(ctx, mid)
		if err != nil {
			return 0, fmt.Errorf("bisecting the subject at %d: %w", mid, err)
		}
		if m == nil {
			hi = mid
			continue
		}
		p, err := core.Decode(m)
		if err != nil {
			return 0, err
		}
		if p.GetResume().GetFinalized() >= from {
			hi = mid
		} else {
			lo = m.Seq + 1
		}
	}
	m, err := s.log.Next(ctx, lo)
	if err != nil || m == nil {
		return 0, err
	}
	at, first, below := m.Seq, uint64(math.MaxUint64), false
	var oldest *chainv1.Pack
	err = core.WalkBack(ctx, s.log, m.Seq, func(seq uint64, p *chainv1.Pack, _ int) bool {
		if r := p.GetResume(); !leavesOpen(p) && r.GetStarted() && r.GetHead() < from {
			below = true
			return false
		}
		at, oldest = seq, p
		return true
	})
	if err != nil {
		return 0, err
	}
	if !below && oldest != nil && oldest.GetPrevSeq() > 0 {
		// The message before the oldest one is gone from the stream.
		first = oldest.GetResume().GetHead() + 1
		return 0, &purgedError{first}
	}
	return at, nil
}

// leavesOpen reports whether a pack ends within a block that is cut in parts.
func leavesOpen(p *chainv1.Pack) bool {
	units := p.GetUnits()
	if len(units) == 0 {
		return false
	}
	part := units[len(units)-1].GetPart()
	return part != nil && part.GetI() < part.GetN()
}
