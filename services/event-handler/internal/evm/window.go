package evm

// window finds how many heights a node answers at once: it halves when the
// node says "too much" or does not answer in time, and grows slowly.
type window struct {
	size    uint64 // heights to ask for, >= 1
	max     uint64 // never above
	ceiling uint64 // the size that failed last; 0 = none known
	calm    int    // successes since then
}

const (
	// fewLogs and manyLogs steer the size by what comes back: an answer of
	// 20,000 logs is ~12 MB of JSON.
	fewLogs  = 5_000
	manyLogs = 20_000
	// probeAfter successes below a known ceiling, it is tried again: limits of
	// hosted nodes depend on the density of the logs.
	probeAfter = 50
)

func newWindow(first, max uint64) *window { return &window{size: min(first, max), max: max} }

// succeeded notes an answer about span heights that held n logs.
func (w *window) succeeded(span uint64, n int) {
	w.calm++
	if w.calm >= probeAfter {
		w.ceiling, w.calm = 0, 0
	}
	switch {
	case n > manyLogs:
		w.size = max(1, span/2)
	case n < fewLogs && span >= w.size:
		limit := w.max
		if w.ceiling > 0 {
			limit = min(limit, max(1, w.ceiling*3/4))
		}
		w.size = max(w.size, min(limit, w.size+w.size/4+1))
	}
}

// tooMuch notes that span heights were too many. It reports whether fewer can
// be asked for.
func (w *window) tooMuch(span uint64) bool {
	w.ceiling, w.calm = span, 0
	w.size = max(1, span/2)
	return span > 1
}
