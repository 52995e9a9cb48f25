package casper

import (
	"context"
	"time"
)

// doubt is a span of blocks that a stream told after it had lost events: the
// blocks are there, or are being filled, but signatures of theirs may have been
// among what was lost, and nothing in a stream says how many there are. The
// proofs of a block do. It is stored with the position that passed the loss.
type doubt struct {
	from  uint64    // first height, above 0: the genesis block has no signatures
	since time.Time // of the last loss
}

const (
	// around: signatures of a block come before those of the block below have ended.
	around = 3
	// unknown is how far back the doubt reaches when it is not known how far a
	// stream was: a handler that has just been started.
	unknown = 100
)

// suspect notes that a stream lost events after one of a block, "" = of a block
// that is not known.
func (s *Source) suspect(block string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started || len(s.set.RPC) == 0 {
		return
	}
	from := s.head.Height - min(unknown, s.head.Height)
	for h := s.head.Height; block != "" && h >= from; h-- {
		if s.links[h].Hash == block || h == 0 {
			from = h - min(around, h)
			break
		}
	}
	from = max(from, 1)
	if s.doubt == nil || from < s.doubt.from {
		s.doubt = &doubt{from: from}
	}
	s.doubt.since = time.Now()
}

// doubtful is the lowest height in doubt, once the node's buffer has had time to
// be read and nothing is missing any more.
func (s *Source) doubtful() (height uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.doubt == nil || time.Since(s.doubt.since) < 3*s.set.Patience || s.covered.missing() > 0 {
		return 0, false
	}
	for ; s.doubt.from <= s.head.Height; s.doubt.from++ {
		// A block that was fetched came with its proofs.
		if b, known := s.links[s.doubt.from]; !known || !s.filled[b.Height] {
			return s.doubt.from, true
		}
	}
	s.doubt = nil
	return 0, false
}

// cleared notes that the signatures of the block at a height are stored.
func (s *Source) cleared(height uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.doubt != nil && s.doubt.from == height {
		s.doubt.from++
	}
}

// proofs fetches the signatures of one block in doubt.
func (f *filler) proofs(ctx context.Context) (did bool, err error) {
	height, ok := f.s.doubtful()
	if !ok {
		return false, nil
	}
	c := f.client()
	got, err := fetchBlock(ctx, c, height)
	if err == nil {
		err = f.s.fits(received{Event: got.block})
	}
	if err == nil {
		err = f.hand(ctx, got.signatures)
	}
	if err != nil {
		f.failed(c, err)
		return false, err
	}
	f.s.cleared(height)
	return true, nil
}
