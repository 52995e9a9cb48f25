package evm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/internal/core"
)

// settleAgain finds out which wanted logs block n holds: by receipts that hash to
// the root in its header, from whichever node has them, else, where no node serves
// receipts at all, by what most nodes say of each log. have is what is published
// of the block, with a zero hash when it is not listed.
func (f *Follower) settleAgain(ctx context.Context, s *subject, n uint64, have seen, nodes []Node) (*chainv1.Block, error) {
	hash := have.hash
	if hash == (common.Hash{}) {
		var err error
		if hash, err = f.unlisted(ctx, n, nodes); err != nil {
			return nil, err
		}
	}
	var reasons []string
	var passing error
	if !f.set.Tolerate.ReceiptsRoot {
		for _, node := range nodes {
			b, err := f.askFor(ctx, node, hash, Want{Receipts: true})
			if err == nil {
				return block(b.header, b.logs), nil
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if !errors.Is(err, ErrNoReceipts) {
				passing = &BlameError{node, err}
			}
			reasons = append(reasons, err.Error())
		}
	}
	if passing != nil {
		return nil, passing // proof may be had a little later: nobody votes before
	}
	var answers []found
	for _, node := range nodes {
		b, err := f.askFor(ctx, node, hash, Want{Queries: f.set.Filter.Queries(n)})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			reasons = append(reasons, err.Error())
			continue
		}
		if len(b.logs) == 0 && !f.set.Tolerate.Bloom && f.set.Filter.Suspicious(b.header) {
			reasons = append(reasons, "an answer without logs is doubted by the block's bloom")
			continue
		}
		answers = append(answers, b)
	}
	// A lone endpoint may add to what it said before, and take nothing away.
	if logs, ok := majority(answers); ok {
		b := block(answers[0].header, logs)
		if len(answers) > 1 || len(nodes) == 1 && s.seen(b).sums.total().Logs > have.sums.total().Logs {
			return b, nil
		}
	}
	return nil, fmt.Errorf("%w: block %d %s: %d endpoints have no majority about each of its logs, and none gives receipts that prove them (%s)",
		ErrUnsettled, n, hash, len(answers), strings.Join(reasons, "; "))
}

// majority are the logs of one block that more than half of the answers hold,
// in order. It is not ok when half of them hold a log and half do not.
func majority(answers []found) (logs []Log, ok bool) {
	votes := map[[32]byte]int{}
	for _, a := range answers {
		for i := range a.logs {
			votes[digestOf(&a.logs[i])]++
		}
	}
	for _, a := range answers {
		for i := range a.logs {
			l := &a.logs[i]
			d := digestOf(l)
			switch v := votes[d]; {
			case 2*v == len(answers):
				return nil, false
			case 2*v > len(answers):
				logs = append(logs, *l)
			}
			delete(votes, d) // taken, or out
		}
	}
	slices.SortFunc(logs, func(a, b Log) int { return cmp.Compare(a.Index, b.Index) })
	return logs, len(answers) > 0
}

// askFor asks one node for one block, and checks the answer.
func (f *Follower) askFor(ctx context.Context, node Node, hash common.Hash, want Want) (found, error) {
	var answers []Answer
	err := f.aside(func() (err error) {
		answers, err = node.Blocks(ctx, []common.Hash{hash}, want)
		return err
	})
	if err != nil {
		return found{}, err
	}
	// The follower's own checker may be at work on the next window.
	check := checker{filter: f.set.Filter, tolerate: f.set.Tolerate}
	return check.answer(hash, &answers[0], want)
}

// later is what stands in the subject behind the span that is compared: Repairs
// of it, and how deep it was reverted.
type later struct {
	repairs  map[uint64]seen
	reverted uint64 // lowest height that a Reverted went back to
}

// took notes Repairs that this session has handed out.
func (l *later) took(blocks []*chainv1.Block, s *subject) {
	for _, b := range blocks {
		if l != nil { // else the subject is read when it matters
			l.repairs[b.GetNumber()] = s.seen(b)
		}
	}
}

// newest returns the span as it stands at the subject's end: with the Repairs
// that follow it, and anew where it was reverted. The end is read once a session
// and only when something differs.
func (r *rescan) newest(ctx context.Context, sp *span) (*span, error) {
	if r.later == nil {
		l := &later{repairs: map[uint64]seen{}, reverted: math.MaxUint64}
		rest := &span{from: sp.from, to: math.MaxUint64, blocks: map[uint64]seen{}, end: sp.end}
		var parts []*chainv1.BlockPart
		for {
			m, err := r.subject.log.Next(ctx, rest.end)
			if err != nil {
				return nil, fmt.Errorf("reading on from message %d: %w", rest.end, err)
			}
			if m == nil {
				break
			}
			p, err := core.Decode(m)
			if err != nil {
				return nil, err
			}
			if parts, err = l.take(&r.subject, p, parts); err != nil {
				return nil, err
			}
			rest.end = m.Seq + 1
		}
		r.later = l
	}
	if r.later.reverted < sp.to {
		whole, err := r.subject.read(ctx, sp.from, sp.to, true)
		if err != nil {
			return nil, err
		}
		if whole == nil {
			return nil, fmt.Errorf("%w: the subject no longer holds %d..%d", ErrInconsistent, sp.from, sp.to)
		}
		r.later = nil // what follows has to be read from behind this span's end
		return whole, nil
	}
	for n, s := range r.later.repairs {
		if n < sp.from || n > sp.to {
			continue
		}
		if have, ok := sp.blocks[n]; !ok || have.hash == s.hash {
			sp.blocks[n] = s
		}
	}
	return sp, nil
}

// take notes the Repairs and the Reverted of one pack.
func (l *later) take(s *subject, p *chainv1.Pack, parts []*chainv1.BlockPart) ([]*chainv1.BlockPart, error) {
	for _, u := range p.GetUnits() {
		switch k := u.GetKind().(type) {
		case *chainv1.Unit_Repair:
			l.repairs[k.Repair.GetBlock().GetNumber()] = s.seen(k.Repair.GetBlock())
		case *chainv1.Unit_Reverted:
			l.reverted = min(l.reverted, k.Reverted.GetToNumber())
		case *chainv1.Unit_Abandon:
			parts = nil
		case *chainv1.Unit_Part:
			if !k.Part.GetRepair() {
				continue
			}
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
			l.repairs[b.GetNumber()] = s.seen(b)
		}
	}
	return parts, nil
}

// digestOf is the digest of a log as a node answered it.
func digestOf(l *Log) [32]byte {
	var words [4][]byte
	for i := range l.Topics {
		words[i] = l.Topics[i][:]
	}
	return chainv1.LogDigest(l.BlockHash[:], l.TxHash[:], &chainv1.Log{
		Address: l.Address[:], Topics: words[:len(l.Topics)], Data: l.Data, Index: l.Index,
	})
}
