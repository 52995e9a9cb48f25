package casper

import (
	"bytes"
	"slices"
	"time"

	"go.uber.org/zap"
)

// owed are the deploys that blocks name and of which no outcome has come. A
// node tells an outcome right before its block, so that one that is missing was
// on a connection that broke, or left the node's buffer in the meantime.
type owed struct {
	patience time.Duration // before the first question

	list  map[string]*debt
	order []string // hashes, by arrival of their blocks; some are paid already
}

// debt is one deploy without outcome.
type debt struct {
	tx     txHash
	height uint64 // of the block that names it
	next   time.Time
	tries  int
}

const (
	// maxOwed bounds the list. A node's buffer holds some 5,000 events, so that
	// many at once mean that outcomes cannot be had at all.
	maxOwed = 100_000
	// maxTries of one deploy, ever further apart, are some two days.
	maxTries = 300
)

func newOwed(patience time.Duration) *owed {
	return &owed{patience: patience, list: map[string]*debt{}}
}

// add notes a deploy; false: the list is full.
func (o *owed) add(tx txHash, height uint64, now time.Time) bool {
	h := tx.hash()
	if o.list[h] != nil {
		return true
	}
	if len(o.list) >= maxOwed {
		return false
	}
	o.list[h] = &debt{tx: tx, height: height, next: now.Add(o.patience)}
	o.order = append(o.order, h)
	return true
}

// paid strikes a deploy out.
func (o *owed) paid(hash string) { delete(o.list, hash) }

// due returns up to n deploys that it is time to ask for, oldest first.
func (o *owed) due(now time.Time, n int) []txHash {
	if len(o.order) > 2*len(o.list)+16 {
		o.order = slices.DeleteFunc(o.order, func(h string) bool { return o.list[h] == nil })
	}
	var out []txHash
	for _, h := range o.order {
		if d := o.list[h]; d != nil && !now.Before(d.next) {
			if out = append(out, d.tx); len(out) == n {
				break
			}
		}
	}
	return out
}

// failed puts a deploy off: by the patience at first, then by twice as long, up
// to 10 minutes.
// True: it was the last try, and the deploy is struck out.
func (o *owed) failed(hash string, now time.Time) bool {
	d := o.list[hash]
	if d == nil {
		return false
	}
	d.tries++
	d.next = now.Add(min(o.patience<<min(d.tries-1, 10), 10*time.Minute))
	if d.tries < maxTries {
		return false
	}
	delete(o.list, hash)
	return true
}

// lowest is the lowest height of a block that names one; ok = there is one.
func (o *owed) lowest() (height uint64, ok bool) {
	for _, d := range o.list {
		if !ok || d.height < height {
			height, ok = d.height, true
		}
	}
	return height, ok
}

// fresh says whether a fact is new, and remembers it.
func (s *Source) fresh(r received) bool {
	if r.endpoint == "" {
		return !s.seen.has(r.Kind, r.Key) && s.fetched.add(r.Kind, r.Key)
	}
	if !s.seen.add(r.Kind, r.Key) {
		return false
	}
	// An outcome that was fetched lacks the messages that this one may hold.
	return !s.fetched.has(r.Kind, r.Key) || (r.Kind == "TransactionProcessed" && !lacksMessages(r.Kind, r.Raw))
}

// lacksMessages: the fact is an outcome that was fetched over JSON-RPC.
func lacksMessages(kind string, raw []byte) bool {
	return kind == "TransactionProcessed" && !bytes.Contains(raw, []byte(`"messages"`))
}

// processed says whether the outcome of a deploy has come.
func (s *Source) processed(hash string) bool {
	return slices.ContainsFunc([]string{"DeployProcessed", "TransactionProcessed"}, func(kind string) bool {
		return s.seen.has(kind, hash) || s.fetched.has(kind, hash)
	})
}

// owe notes the deploys of a block of which no outcome has come.
func (s *Source) owe(e Event) {
	var open []txHash
	for _, h := range e.Names {
		if !s.processed(h.hash()) {
			open = append(open, h)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range open {
		if !s.owed.add(h, e.Block.Height, time.Now()) && !s.full {
			s.full = true
			s.log.Error("too many deploys wait for their outcome; those of further blocks are not asked for", zap.Int("waiting", maxOwed))
		}
	}
	s.obs.Owed(len(s.owed.list))
}

// settle strikes out a deploy whose outcome has come.
func (s *Source) settle(hash string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owed.list[hash] != nil {
		s.owed.paid(hash)
		s.obs.Owed(len(s.owed.list))
	}
}

// due returns up to n deploys that it is time to ask for.
func (s *Source) due(n int) []txHash {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owed.due(time.Now(), n)
}

// unpaid puts a deploy off whose outcome could not be fetched; true: for good.
func (s *Source) unpaid(h txHash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owed.failed(h.hash(), time.Now())
}
