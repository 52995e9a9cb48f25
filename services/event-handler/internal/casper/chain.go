package casper

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// Genesis is the hash of block 0, nil while it is unknown.
func (s *Source) Genesis() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.genesisBytes()
}

func (s *Source) genesisBytes() []byte {
	b, _ := hex.DecodeString(s.genesis)
	return b
}

// Bind ties the subject to the chain whose block 0 has this hash, unless it is
// bound already; it returns the hash that it is bound to.
func (s *Source) Bind(genesis []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.genesis == "" {
		s.genesis = hex.EncodeToString(genesis)
	}
	return s.genesisBytes()
}

// fits says whether an event may be taken. A block is held against the blocks
// that are known: Casper chains do not fork, so one that differs is another chain's.
func (s *Source) fits(r received) error {
	if r.known && !s.seen.has(r.Kind, r.Key) {
		return fmt.Errorf("%w: event %d is another one now", errStartOver, r.pos.lastID)
	}
	b := r.Block
	if b == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	conflict := func(height uint64, theirs, ours string) error {
		return &ConflictError{fmt.Sprintf("block %d is %s at this endpoint and %s in what is stored under this network's name: "+
			"another chain needs another name", height, theirs, ours)}
	}
	if b.Height == 0 && s.genesis != "" && s.genesis != b.Hash {
		return conflict(0, b.Hash, s.genesis)
	}
	if same, ok := s.links[b.Height]; ok && same.Hash != b.Hash {
		return conflict(b.Height, b.Hash, same.Hash)
	}
	if b.Height > 0 {
		if below, ok := s.links[b.Height-1]; ok && below.Hash != b.Parent {
			return conflict(b.Height-1, b.Parent, below.Hash)
		}
	}
	if above, ok := s.links[b.Height+1]; ok && above.Parent != b.Hash {
		return conflict(b.Height, b.Hash, above.Parent)
	}
	return nil
}

// block notes a block's height, and what is missing below it. fetched: over
// JSON-RPC, with its signatures.
func (s *Source) block(b Block, fetched bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started {
		// The first block of the subject: what lies below the start is not missing.
		start := b.Height
		if s.set.StartBlock > 0 {
			start = min(start, s.set.StartBlock)
		}
		if start > 0 {
			s.covered.add(0, start-1)
		}
		s.started, s.head = true, b
	}
	s.covered.add(b.Height, b.Height)
	s.link(b)
	if fetched {
		s.filled[b.Height] = true
	}
	if b.Height == 0 && s.genesis == "" {
		s.genesis = b.Hash
	}
	if b.Height > s.head.Height || s.head.Hash == "" {
		s.head = b
	}
	s.lastBlock = time.Now()
	s.obs.Gap(s.covered.missing())
}

// link remembers a block; the oldest is forgotten above the limit.
func (s *Source) link(b Block) {
	if _, ok := s.links[b.Height]; ok {
		return
	}
	s.links[b.Height] = b
	s.oldest = append(s.oldest, b.Height)
	if len(s.oldest) > maxLinks {
		delete(s.links, s.oldest[0])
		delete(s.filled, s.oldest[0])
		s.oldest = s.oldest[1:]
	}
}

// resume is where to go on after the event that was merged last.
func (s *Source) resume() *chainv1.Resume {
	s.mu.Lock()
	defer s.mu.Unlock()
	hash, _ := hex.DecodeString(s.head.Hash)
	backfill, _ := s.covered.gap()
	// A block whose deploys are not all told is fetched again after a crash, unless
	// it is among the newest facts, which are read back.
	if h, ok := s.owed.lowest(); ok && len(s.set.RPC) > 0 && (backfill == 0 || h < backfill) {
		backfill = h
	}
	r := &chainv1.Resume{Genesis: s.genesisBytes(), Head: s.head.Height, Hash: hash, Finalized: s.head.Height, BackfillHeight: backfill, Started: s.started}
	if s.doubt != nil {
		r.Doubt = s.doubt.from
	}
	for _, key := range slices.Sorted(maps.Keys(s.nodes)) {
		p := s.nodes[key]
		r.Nodes = append(r.Nodes, &chainv1.NodeResume{Url: key, ApiVersion: p.apiVersion, LastId: p.lastID, HasLastId: p.hasLast})
	}
	return r
}

// bound reports whether the subject holds blocks that others can be held against.
func (s *Source) bound() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.started || s.genesis != ""
}

// wanted returns the lowest span of missing heights, and whether there is one.
func (s *Source) wanted() (lo, hi uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lo, hi = s.covered.gap()
	return lo, hi, lo > 0
}

// has says whether a block is not missing.
func (s *Source) has(e Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.started && s.covered.has(e.Block.Height)
}

// quiet: no block has come for so long that a node's tip is worth a question.
func (s *Source) quiet() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.lastBlock) > s.set.Quiet
}
