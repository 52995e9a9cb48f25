package evm

import (
	"bytes"
	"slices"

	"github.com/ethereum/go-ethereum/common"
)

// Contract is one entry of the config, reduced to what is fetched.
type Contract struct {
	// Any: the topics at any address; Address is not used then.
	Any     bool
	Address common.Address
	// Topics are the topic0 values wanted. AllTopics takes every log of the
	// address (an anonymous event has no topic0 to ask for).
	Topics    []common.Hash
	AllTopics bool
	// From is the first height that is wanted, inclusive.
	From uint64
}

// Query is one eth_getLogs filter: its logs are a superset of what is wanted.
type Query struct {
	Addresses []common.Address // empty: any
	Topics    []common.Hash    // topic0; empty: any
}

// Filter says which logs are wanted and how to ask for them in few calls.
type Filter struct {
	contracts []Contract
	any       map[common.Hash]uint64 // topic0 at any address -> lowest From
	byAddress map[common.Address][]Contract
	blooms    []bloomWant
	start     uint64
}

// NewFilter makes the filter of a network. start is the network's first height;
// a contract's From below it counts as start.
func NewFilter(start uint64, contracts []Contract) *Filter {
	f := &Filter{start: start, any: map[common.Hash]uint64{}, byAddress: map[common.Address][]Contract{}}
	for _, c := range contracts {
		c.From = max(c.From, start)
		f.contracts = append(f.contracts, c)
		f.blooms = append(f.blooms, bloomWantOf(&c))
		if !c.Any {
			f.byAddress[c.Address] = append(f.byAddress[c.Address], c)
			continue
		}
		for _, t := range c.Topics {
			if from, ok := f.any[t]; !ok || c.From < from {
				f.any[t] = c.From
			}
		}
	}
	return f
}

// Start is the first height that is covered.
func (f *Filter) Start() uint64 { return f.start }

// Match reports whether a log is wanted: exactly, per contract, address, topic
// and height.
func (f *Filter) Match(l *Log) bool {
	for _, c := range f.byAddress[l.Address] {
		if l.BlockNumber < c.From {
			continue
		}
		if c.AllTopics || len(l.Topics) > 0 && slices.Contains(c.Topics, l.Topics[0]) {
			return true
		}
	}
	if len(l.Topics) == 0 {
		return false
	}
	from, ok := f.any[l.Topics[0]]
	return ok && l.BlockNumber >= from
}

// Queries returns the eth_getLogs filters that together hold every wanted log
// of the heights from..to: at most one for topics at any address, one for
// topics at addresses and one for whole addresses. None: no contract has started by to.
func (f *Filter) Queries(to uint64) []Query {
	var anywhere, at, all Query
	for t, from := range f.any {
		if from <= to {
			anywhere.Topics = append(anywhere.Topics, t)
		}
	}
	for _, c := range f.contracts {
		if c.Any || c.From > to {
			continue
		}
		if c.AllTopics {
			all.Addresses = append(all.Addresses, c.Address)
			continue
		}
		// What the first query asks for at any address need not be asked again.
		missing := false
		for _, t := range c.Topics {
			if from, ok := f.any[t]; ok && from <= c.From {
				continue
			}
			missing = true
			at.Topics = append(at.Topics, t)
		}
		if missing {
			at.Addresses = append(at.Addresses, c.Address)
		}
	}
	var out []Query
	if len(anywhere.Topics) > 0 {
		out = append(out, anywhere.normal())
	}
	if len(at.Addresses) > 0 {
		out = append(out, at.normal())
	}
	if len(all.Addresses) > 0 {
		out = append(out, all.normal())
	}
	return out
}

// Suspicious reports whether the block's bloom says that it may hold a wanted
// log. A bloom errs only in this direction.
func (f *Filter) Suspicious(h *Header) bool {
	for i := range f.blooms {
		w := &f.blooms[i]
		if h.Number < w.from || w.address != nil && !w.address.in(&h.Bloom) {
			continue
		}
		if w.all || slices.ContainsFunc(w.topics, func(t bits) bool { return t.in(&h.Bloom) }) {
			return true
		}
	}
	return false
}

// bloomWant is a contract as a bloom shows it.
type bloomWant struct {
	from    uint64
	address *bits // nil: any
	topics  []bits
	all     bool // any topic
}

func bloomWantOf(c *Contract) bloomWant {
	w := bloomWant{from: c.From, all: c.AllTopics && !c.Any}
	if !c.Any {
		b := bitsOf(c.Address[:])
		w.address = &b
	}
	for i := range c.Topics {
		w.topics = append(w.topics, bitsOf(c.Topics[i][:]))
	}
	return w
}

// FirstActive is the lowest height at which a contract is wanted; ok is false
// when there are no contracts.
func (f *Filter) FirstActive() (height uint64, ok bool) {
	for _, c := range f.contracts {
		if !ok || c.From < height {
			height, ok = c.From, true
		}
	}
	return height, ok
}

// normal sorts and removes doubles, so that equal filters ask equal questions.
func (q Query) normal() Query {
	slices.SortFunc(q.Addresses, func(a, b common.Address) int { return bytes.Compare(a[:], b[:]) })
	slices.SortFunc(q.Topics, func(a, b common.Hash) int { return bytes.Compare(a[:], b[:]) })
	q.Addresses = slices.Compact(q.Addresses)
	q.Topics = slices.Compact(q.Topics)
	return q
}

// params is the query as eth_getLogs takes it, without its block bounds.
func (q Query) params() map[string]any {
	p := map[string]any{}
	if len(q.Addresses) > 0 {
		p["address"] = q.Addresses
	}
	if len(q.Topics) > 0 {
		p["topics"] = []any{q.Topics}
	}
	return p
}
