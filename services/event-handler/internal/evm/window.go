package evm

import "fondaco.dev/services/event-handler/internal/jsonrpc"

// window finds how many heights a node answers at once: it doubles from a small
// size until something is too much, halves then, and grows slowly from there on.
// There is one for each endpoint, since limits differ.
type window struct {
	size    uint64 // heights to ask for, >= 1
	max     uint64 // never above
	ceiling uint64 // the size that failed last; 0 = none known
	calm    int    // successes since then
	known   bool   // a size was too large once: grow slowly from then on
}

const (
	// fewLogs and manyLogs steer the size by what comes back, as do the bytes of
	// JSON that it takes: a Transfer is ~0.7 kB of it.
	fewLogs   = 5_000
	manyLogs  = 20_000
	fewBytes  = 4 << 20
	manyBytes = 16 << 20
	// probeAfter successes below a known ceiling, it is tried again: limits of
	// hosted nodes depend on the density of the logs.
	probeAfter = 50
)

func newWindow(first, max uint64) *window { return &window{size: min(first, max), max: max} }

// succeeded notes an answer about span heights that held n logs and took so
// many bytes.
func (w *window) succeeded(span uint64, n, bytes int) {
	w.calm++
	if w.calm >= probeAfter {
		w.ceiling, w.calm = 0, 0
	}
	switch {
	case n > manyLogs || bytes > manyBytes:
		w.size, w.known = max(1, span/2), true
	case n < fewLogs && bytes < fewBytes && span >= w.size:
		limit := w.max
		if w.ceiling > 0 {
			limit = min(limit, max(1, w.ceiling*3/4))
		}
		step := w.size/4 + 1
		if !w.known {
			step = w.size
		}
		w.size = max(w.size, min(limit, w.size+step))
	}
}

// tooMuch notes that span heights were too many. It reports whether fewer can
// be asked for.
func (w *window) tooMuch(span uint64) bool {
	w.ceiling, w.calm, w.known = span, 0, true
	w.size = max(1, span/2)
	return span > 1
}

// pace is how much one node answers at once.
type pace struct {
	window *window // heights of a backfill window
	batch  *window // blocks by hash
}

func (f *Follower) pace(n Node) *pace {
	p := f.paces[n]
	if p == nil {
		p = &pace{newWindow(f.set.FirstWindow, f.set.MaxWindow), newWindow(followBatch, followBatch)}
		f.mu.Lock()
		f.paces[n] = p
		f.mu.Unlock()
	}
	return p
}

// Window is the size of a backfill window with this node; 0 before the first.
// May be called from any goroutine.
func (f *Follower) Window(n Node) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p := f.paces[n]; p != nil {
		return p.window.size
	}
	return 0
}

// less makes the window smaller, and turns an error that may mean "too much"
// into progress while there is less to ask for. Nodes have no common words for it,
// so that every error they answer to many blocks is taken to mean it at first.
func (f *Follower) less(w *window, span uint64, err error) error {
	if !jsonrpc.MayBeTooMuch(err) {
		return err
	}
	fewer := false
	f.note(func(s *State) {
		fewer = w.tooMuch(span)
		s.Window = w.size
	})
	if !fewer {
		return err
	}
	return nil
}
