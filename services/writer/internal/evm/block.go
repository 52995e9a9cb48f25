package evm

import (
	"bytes"
	"fmt"
	"math"

	chainv1 "fondaco.dev/proto/chain/v1"
	feedv1 "fondaco.dev/proto/feed/v1"
)

// check says why a block cannot become rows, or "".
func check(b *chainv1.Block) string {
	switch {
	case b.GetNumber() > math.MaxInt64 || b.GetTime() > math.MaxInt64 || b.GetTxCount() > math.MaxInt32:
		return "a number is out of range"
	case len(b.GetHash()) != hashLen:
		return fmt.Sprintf("hash of %d bytes", len(b.GetHash()))
	case len(b.GetParentHash()) != hashLen:
		return fmt.Sprintf("parent hash of %d bytes", len(b.GetParentHash()))
	}
	for i, t := range b.GetTxs() {
		if len(t.GetHash()) != hashLen {
			return fmt.Sprintf("tx %d: hash of %d bytes", t.GetIndex(), len(t.GetHash()))
		}
		if i > 0 && t.GetIndex() <= b.GetTxs()[i-1].GetIndex() {
			return "transactions are not ascending"
		}
	}
	tx := 0
	for i, l := range b.GetLogs() {
		switch {
		case l.GetIndex() > math.MaxInt32 || l.GetTxIndex() > math.MaxInt32:
			return "a log's index is out of range"
		case i > 0 && l.GetIndex() <= b.GetLogs()[i-1].GetIndex():
			return "logs are not ascending"
		case len(l.GetAddress()) != addressLen:
			return fmt.Sprintf("log %d: address of %d bytes", l.GetIndex(), len(l.GetAddress()))
		case len(l.GetTopics()) > maxTopics:
			return fmt.Sprintf("log %d: %d topics", l.GetIndex(), len(l.GetTopics()))
		}
		for _, t := range l.GetTopics() {
			if len(t) != hashLen {
				return fmt.Sprintf("log %d: topic of %d bytes", l.GetIndex(), len(t))
			}
		}
		for tx < len(b.GetTxs()) && b.GetTxs()[tx].GetIndex() < l.GetTxIndex() {
			tx++
		}
		if tx == len(b.GetTxs()) || b.GetTxs()[tx].GetIndex() != l.GetTxIndex() {
			return fmt.Sprintf("log %d: transaction %d is not in the block", l.GetIndex(), l.GetTxIndex())
		}
	}
	return ""
}

// aside puts positions below zero, where neither a frame nor a replay looks: rows
// that are stored without being announced.
const aside = 1 << 62

// rows projects a checked block whose own row is at the given index. A log that
// was fetched because of a factory and is of none of its children has no row,
// but keeps its place in the positions, so that every build counts alike. The
// events are appended to into.
func (p *Planner) rows(seq uint64, row int, b *chainv1.Block, into []Event) (Block, []Event) {
	out := Block{Number: b.GetNumber(), Hash: b.GetHash(), Parent: b.GetParentHash(), Time: b.GetTime(), TxCount: b.GetTxCount(),
		Header: b.GetHeader(), Pos: feedv1.Position(seq, row)}
	if p.Quiet {
		out.Pos -= aside
	}
	if out.Header == nil {
		out.Header = []byte{}
	}
	events, first, tx := into, len(into), 0
	for i, l := range b.GetLogs() {
		for b.GetTxs()[tx].GetIndex() < l.GetTxIndex() {
			tx++
		}
		r := p.Decoder.Log(l, b.GetNumber())
		if r.Stranger {
			continue
		}
		if r.Error != "" {
			p.DecodeErrors++
		}
		// After the log itself: a child counts from the next one.
		out.Children = append(out.Children, p.Decoder.Births(l, b.GetNumber())...)
		v := Event{BlockNumber: out.Number, LogIndex: l.GetIndex(), BlockHash: out.Hash, BlockTime: out.Time,
			TxHash: b.GetTxs()[tx].GetHash(), TxIndex: l.GetTxIndex(), Address: l.GetAddress(), Contract: r.Contract, Event: r.Event,
			Args: r.Args, Topics: l.GetTopics(), Data: l.GetData(), DecodeError: r.Error, Pos: out.Pos + 1 + uint64(i),
			Reads: p.Decoder.Reads(r.Contract, l.GetReads())}
		if v.Topics == nil {
			v.Topics = [][]byte{}
		}
		if v.Data == nil {
			v.Data = []byte{}
		}
		events = append(events, v)
	}
	out.LogCount = uint32(len(events) - first)
	return out, events
}

// maxAssembly bounds the memory for a block in parts, in bytes.
const maxAssembly = 512 << 20

// assembly joins the parts of a block.
type assembly struct {
	hash []byte
	n    uint32
	next uint32 // part expected, 0 = nothing open
	data []byte
}

func (a *assembly) open() bool { return a.next != 0 }

func (a *assembly) drop() { *a = assembly{} }

// add returns the whole block with its last part, nil before. A first part
// voids what was open: its publisher began anew.
func (a *assembly) add(part *chainv1.BlockPart) ([]byte, error) {
	i, n := part.GetI(), part.GetN()
	if i == 1 {
		*a = assembly{hash: part.GetHash(), n: n, next: 1}
	}
	if i == 0 || i > n || i != a.next || n != a.n || !bytes.Equal(a.hash, part.GetHash()) {
		return nil, fmt.Errorf("part %d of %d of block %x, where part %d of %d of %x is awaited", i, n, part.GetHash(), a.next, a.n, a.hash)
	}
	if len(a.data)+len(part.GetData()) > maxAssembly {
		return nil, fmt.Errorf("block %x in parts is larger than %d bytes", a.hash, maxAssembly)
	}
	a.data = append(a.data, part.GetData()...)
	if i < n {
		a.next++
		return nil, nil
	}
	whole := a.data
	a.drop()
	return whole, nil
}
