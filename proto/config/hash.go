package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// fetchVersion counts the ways in which an event-handler fetches: a change of
// what one filter brings home starts new subjects.
const fetchVersion = 2

// Filter is the hash of what is fetched of a network (chain id, addresses,
// topics, factories, reads, start blocks, headers and receipts mode), 16 hex
// digits. Names, ABIs and URLs are not in it: a subject outlives them.
func (n *Network) Filter() string {
	h := sha256.New()
	put(h, "fetch", fmt.Sprint(fetchVersion), n.Kind, fmt.Sprint(n.ChainID), fmt.Sprint(n.StartBlock), fmt.Sprint(n.Finality))
	if n.Verify == VerifyReceipts || n.Headers == HeadersEvents {
		put(h, "proof", n.Verify, n.Headers)
	}
	var lines []string
	for _, c := range n.Contracts {
		addr := "*"
		if !c.Wild() {
			addr = strings.ToLower(c.Address.Hex())
		}
		if c.Factory != nil {
			// The same logs as of "*", but those of strangers are not stored: an index
			// of the one cannot be made from an index of the other.
			addr = "* " + strings.ToLower(c.Factory.Address.Hex())
		}
		start := fmt.Sprint(c.StartBlock)
		if c.AutoStart {
			start = "auto"
		}
		for _, ev := range c.Events() {
			topic := "any"
			if !ev.Anonymous {
				topic = ev.ID.Hex()
			}
			lines = append(lines, fmt.Sprintf("%s %s %s", addr, topic, start))
			for i := range c.Reads {
				if rd := &c.Reads[i]; rd.on(&ev) {
					lines = append(lines, fmt.Sprintf("read %s %s %s %q", addr, topic, start, rd.fetched()))
				}
			}
		}
		if f := c.Factory; f != nil {
			lines = append(lines, fmt.Sprintf("%s %s %s", strings.ToLower(f.Address.Hex()), f.Event.ID.Hex(), start))
		}
	}
	slices.Sort(lines)
	put(h, slices.Compact(lines)...)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Subject is where the network's units go.
func (n *Network) Subject() string { return chainv1.Subject(n.Name, n.Filter()) }

// Build is the hash of everything that shapes the rows of a chain index:
// filters, names, ABIs and the version of the projections; 12 hex digits.
func (f *File) Build(projection int) string {
	h := sha256.New()
	put(h, "build", fmt.Sprint(projection))
	for i := range f.Networks {
		n := &f.Networks[i]
		put(h, n.Name, n.Filter())
		for _, c := range n.Contracts {
			put(h, c.Name, c.Address.Hex(), fmt.Sprint(c.Any, c.StartBlock))
			for _, a := range c.ABIs {
				put(h, "abi", fmt.Sprint(a.From, " ", a.To), string(a.JSON))
				for _, ev := range a.Events {
					put(h, ev.Sig)
				}
			}
			if fac := c.Factory; fac != nil {
				put(h, "factory", fac.Address.Hex(), fac.Event.String(), fmt.Sprint(fac.Arg))
			}
			for k := range c.Reads {
				put(h, "read", returned(&c.Reads[k]))
				put(h, c.Reads[k].fetched()...)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// put writes length-prefixed parts, so that no two lists of them hash alike.
func put(h hash.Hash, parts ...string) {
	fmt.Fprintf(h, "%d;", len(parts))
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
}
