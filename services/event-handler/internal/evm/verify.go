package evm

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// Tolerance names the checks that a chain's own rules break. The zero value
// holds a chain to all of them.
type Tolerance struct {
	HeaderHash   bool // header hashes cannot be recomputed by Ethereum's rules
	Bloom        bool // the header's bloom is empty or wrong
	ReceiptsRoot bool // receipts do not hash to the header's root
	SystemLogs   bool // there are logs of no transaction of the block
}

// checker holds what a node answers against what the chain vouches for. Each
// error is an ErrInconsistent that names the block. It is for one goroutine.
type checker struct {
	filter   *Filter
	tolerate Tolerance
	memo     bloomMemo
}

// found is a block with its wanted logs, checked.
type found struct {
	header *Header
	logs   []Log
}

// header checks that the hash of a header is the hash of its content.
func (c *checker) header(h *Header) error {
	if h.RLP == nil && !c.tolerate.HeaderHash {
		return fmt.Errorf("%w: the header of block %d does not hash to %s (a chain with other header rules needs tolerate: [header_hash])",
			ErrInconsistent, h.Number, h.Hash)
	}
	return nil
}

// linked checks headers at consecutive heights, the first of them at number.
func (c *checker) linked(number uint64, headers []*Header) error {
	for i, h := range headers {
		want := number + uint64(i)
		switch {
		case h == nil:
			return fmt.Errorf("%w: block %d is not there", ErrInconsistent, want)
		case h.Number != want:
			return fmt.Errorf("%w: asked for block %d, got %d", ErrInconsistent, want, h.Number)
		case i > 0 && h.Parent != headers[i-1].Hash:
			return fmt.Errorf("%w: block %d is not the child of block %d", ErrInconsistent, h.Number, h.Number-1)
		}
		if err := c.header(h); err != nil {
			return err
		}
	}
	return nil
}

// wanted merges the answers to several queries about the same heights and keeps
// the wanted logs, ordered by (block, index). Within one answer a log comes
// once, in order; a log that two queries ask for comes in both, and then
// must be the same. Each has to be of the heights from..to, also one that is not
// wanted: by its height it is told whether it is.
func (c *checker) wanted(answers [][]Log, from, to uint64) ([]Log, error) {
	if len(answers) == 0 {
		return nil, nil
	}
	var all []Log
	for _, logs := range answers {
		kept := logs[:0]
		var number uint64
		var index uint32
		for i := range logs {
			l := &logs[i]
			if l.Removed {
				return nil, fmt.Errorf("%w: log %d of block %d is marked as removed", ErrInconsistent, l.Index, l.BlockNumber)
			}
			if l.BlockNumber < from || l.BlockNumber > to {
				return nil, fmt.Errorf("%w: asked for logs of %d..%d, got one that names block %d", ErrInconsistent, from, to, l.BlockNumber)
			}
			if i > 0 && (l.BlockNumber < number || l.BlockNumber == number && l.Index <= index) {
				return nil, fmt.Errorf("%w: log %d of block %d comes after log %d of block %d in one answer", ErrInconsistent,
					l.Index, l.BlockNumber, index, number)
			}
			number, index = l.BlockNumber, l.Index
			if c.filter.Match(l) {
				kept = append(kept, *l)
			}
		}
		if len(answers) == 1 {
			return kept, nil
		}
		all = append(all, kept...)
	}
	slices.SortStableFunc(all, func(a, b Log) int {
		return cmp.Or(cmp.Compare(a.BlockNumber, b.BlockNumber), cmp.Compare(a.Index, b.Index))
	})
	out := all[:0]
	for i := range all {
		l := &all[i]
		if len(out) > 0 {
			p := &out[len(out)-1]
			if p.BlockNumber == l.BlockNumber && p.Index == l.Index {
				if !same(p, l) {
					return nil, fmt.Errorf("%w: two different logs %d of block %d", ErrInconsistent, l.Index, l.BlockNumber)
				}
				continue
			}
		}
		out = append(out, *l)
	}
	return out, nil
}

func same(a, b *Log) bool {
	return a.BlockHash == b.BlockHash && a.TxHash == b.TxHash && a.TxIndex == b.TxIndex && a.Address == b.Address &&
		slices.Equal(a.Topics, b.Topics) && string(a.Data) == string(b.Data)
}

// logs holds the logs of one block, selected and ordered, against its header.
func (c *checker) logs(h *Header, logs []Log) error {
	for i := range logs {
		l := &logs[i]
		if l.BlockNumber != h.Number || l.BlockHash != h.Hash {
			return fmt.Errorf("%w: log %d names block %d %s, the header is %d %s", ErrInconsistent, l.Index, l.BlockNumber, l.BlockHash, h.Number, h.Hash)
		}
		if i > 0 {
			p := &logs[i-1]
			switch {
			case p.TxIndex > l.TxIndex:
				return fmt.Errorf("%w: logs of block %d are not in the order of their transactions", ErrInconsistent, h.Number)
			case p.TxIndex == l.TxIndex && p.TxHash != l.TxHash:
				return fmt.Errorf("%w: transaction %d of block %d has two hashes", ErrInconsistent, l.TxIndex, h.Number)
			}
		}
		if !c.tolerate.SystemLogs {
			if l.TxIndex >= h.TxCount() {
				return fmt.Errorf("%w: log %d of block %d is of transaction %d of %d", ErrInconsistent, l.Index, h.Number, l.TxIndex, h.TxCount())
			}
			if h.Txs[l.TxIndex] != l.TxHash {
				return fmt.Errorf("%w: log %d of block %d names transaction %s, the block's transaction %d is %s", ErrInconsistent, l.Index, h.Number,
					l.TxHash, l.TxIndex, h.Txs[l.TxIndex])
			}
		}
		if !c.tolerate.Bloom && !c.tolerate.SystemLogs && !c.inBloom(&h.Bloom, l) {
			return fmt.Errorf("%w: log %d is not in the bloom of block %d %s", ErrInconsistent, l.Index, h.Number, h.Hash)
		}
	}
	return nil
}

// inBloom reports whether the bloom holds the log's address and all its topics.
func (c *checker) inBloom(bloom *types.Bloom, l *Log) bool {
	if !c.memo.of(l.Address[:]).in(bloom) {
		return false
	}
	for i := range l.Topics {
		if !c.memo.of(l.Topics[i][:]).in(bloom) {
			return false
		}
	}
	return true
}

// answer checks one block that was asked for by its hash, and returns its wanted logs.
func (c *checker) answer(hash common.Hash, a *Answer, want Want) (found, error) {
	h := a.Header
	if h == nil {
		return found{}, fmt.Errorf("%w: block %s is not there any more", ErrInconsistent, hash)
	}
	if h.Hash != hash {
		return found{}, fmt.Errorf("%w: asked for block %s, got %s", ErrInconsistent, hash, h.Hash)
	}
	if err := c.header(h); err != nil {
		return found{}, err
	}
	if want.Receipts {
		return c.receipts(h, a.Receipts)
	}
	logs, err := c.wanted(a.Logs, h.Number, h.Number)
	if err != nil {
		return found{}, err
	}
	return found{h, logs}, c.logs(h, logs)
}

// receipts checks a block's receipts and selects the wanted logs.
func (c *checker) receipts(h *Header, r Receipts) (found, error) {
	logs, err := proven(h, r, c.tolerate)
	if err != nil {
		return found{}, err
	}
	if logs, err = c.wanted([][]Log{logs}, h.Number, h.Number); err != nil {
		return found{}, err
	}
	return found{h, logs}, c.logs(h, logs)
}
