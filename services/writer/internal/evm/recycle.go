package evm

// maxRecycled segments are kept, and none of more rows than these, about 12 MB,
// nor of so few that nothing is saved. A partition has two plans under way.
const (
	maxRecycled     = 4
	minRecycledRows = 1_000
	maxRecycledRows = 50_000
)

var recycled = make(chan *Segment, maxRecycled)

// newSegment is empty and has the room of a former one, so that rows are not
// moved as a plan grows, and new memory is not touched for the first time for
// each of them: growing took 140 of 780 ms in a profile.
func newSegment() *Segment {
	select {
	case s := <-recycled:
		return s
	default:
		return &Segment{}
	}
}

// Recycle gives the room of a segment to later plans. Nobody may use the segment
// after it; what its rows pointed to stays as it is.
func Recycle(s *Segment) {
	if cap(s.Events) < minRecycledRows || cap(s.Events) > maxRecycledRows || cap(s.Blocks) > maxRecycledRows {
		return
	}
	clear(s.Blocks)
	clear(s.Events)
	room := &Segment{Blocks: s.Blocks[:0], Events: s.Events[:0]}
	*s = Segment{}
	select {
	case recycled <- room:
	default:
	}
}
