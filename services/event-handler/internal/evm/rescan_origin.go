package evm

import "math"

// delivery is a piece of the chain that one node gave.
type delivery struct {
	from, to uint64
	node     Node
}

// origins says which node gave what, in this session: a second reading from the
// same one would agree with itself. Ascending, without overlaps.
type origins []delivery

// maxOrigins bounds them; the oldest are forgotten, and what is not known is read
// from two nodes.
const maxOrigins = 4096

// note adds what was handed out above, and forgets what was reverted.
func (o *origins) note(from, to uint64, node Node) {
	o.revert(from)
	if n := len(*o); n > 0 && (*o)[n-1].node == node && (*o)[n-1].to+1 == from {
		(*o)[n-1].to = to
		return
	}
	*o = append(*o, delivery{from, to, node})
	if len(*o) > maxOrigins {
		*o = append((*o)[:0], (*o)[1:]...)
	}
}

// revert forgets the heights from on.
func (o *origins) revert(from uint64) {
	for n := len(*o); n > 0; n = len(*o) {
		last := &(*o)[n-1]
		if last.from < from {
			last.to = min(last.to, from-1)
			return
		}
		*o = (*o)[:n-1]
	}
}

// forget drops what lies below a height.
func (o *origins) forget(below uint64) {
	i := 0
	for i < len(*o) && (*o)[i].to < below {
		i++
	}
	*o = append((*o)[:0], (*o)[i:]...)
}

// of returns the node that gave a height, nil when it is not known, and up to
// which height the answer holds.
func (o origins) of(number uint64) (node Node, until uint64) {
	for _, d := range o {
		switch {
		case number < d.from:
			return nil, d.from - 1
		case number <= d.to:
			return d.node, d.to
		}
	}
	return nil, math.MaxUint64
}

// delivered notes after a step that began at next what node gave.
func (f *Follower) delivered(node Node, next uint64) {
	o, after := &f.rescan.origins, f.chain.next(f.set.Filter.Start())
	if after > next {
		o.note(next, after-1, node)
	} else {
		o.revert(after)
	}
}

// readers are the nodes that heights from..to are read from again, and the last
// height for which that holds: another node than gave them; two nodes when it is
// not known which one did, since one of them is another. None where that has to
// wait for an endpoint that rests. Where one endpoint is all there is, it is asked
// again.
func (f *Follower) readers(from, to uint64, nodes []Node) ([]Node, uint64) {
	// Block 0 has no logs, and to have checked it alone is to have checked nothing.
	origin, until := f.rescan.origins.of(max(from, 1))
	to = min(to, until)
	if origin != nil {
		for _, n := range nodes {
			if n != origin {
				return []Node{n}, to
			}
		}
	} else if len(nodes) > 1 {
		return nodes[:2], to
	}
	if f.set.Endpoints > 1 {
		return nil, to
	}
	return nodes[:1], to
}
