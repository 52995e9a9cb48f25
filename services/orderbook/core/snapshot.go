package core

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// A snapshot is the whole state in canonical order: the same state gives the
// same bytes, whatever the memory looks like.
//
//	+------------+---------+-----------+-----+---------+
//	| "FONDBOOK" | version | semantics | ... | SHA-256 |
//	+------------+---------+-----------+-----+---------+
//
// Then come the digest, scalars, assets and markets, accounts by id with their
// balances by asset, dead orders in the order of their death, live ones by id
// (which is queue order at a price), deposits and gateways in the order they
// came in. Integers are uvarints, strings are length and bytes; the SHA-256 is
// over all that is before it.
const (
	snapshotMagic   = "FONDBOOK"
	snapshotVersion = 1
)

// ErrSnapshot is wrapped by every error of Restore.
var ErrSnapshot = errors.New("snapshot is not usable")

// AppendSnapshot appends the encoded state.
func (e *Engine) AppendSnapshot(b []byte) []byte {
	start := len(b)
	b = append(b, snapshotMagic...)
	b = binary.AppendUvarint(b, snapshotVersion)
	b = binary.AppendUvarint(b, Semantics)
	digest := e.Digest()
	b = append(b, digest[:]...)
	b = e.appendScalars(b)
	b = e.appendRegistry(b)
	b = e.appendAccounts(b)
	b = e.appendOrders(b)
	b = binary.AppendUvarint(b, uint64(len(e.deposits)))
	for i := range e.deposits {
		d := &e.deposits[i]
		b = appendUints(appendString(b, d.id), d.account, uint64(d.asset), uint64(d.amount))
	}
	b = binary.AppendUvarint(b, uint64(len(e.gateways.index)))
	for i := e.gateways.head; i != none; i = e.gateways.slab[i].next {
		g := &e.gateways.slab[i]
		b = appendUints(appendString(b, g.name), g.packNo, uint64(g.seenMs))
	}
	hash := sha256.Sum256(b[start:])
	return append(b, hash[:]...)
}

func (e *Engine) appendAccounts(b []byte) []byte {
	order := make([]int32, len(e.accounts))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(x, y int32) int {
		if e.accounts[x].id < e.accounts[y].id {
			return -1
		}
		return 1
	})
	b = binary.AppendUvarint(b, uint64(len(order)))
	var mine []int32
	for _, a := range order {
		mine = mine[:0]
		for i := e.accounts[a].first; i != none; i = e.balances[i].next {
			if e.balances[i].available != 0 || e.balances[i].reserved != 0 {
				mine = append(mine, i)
			}
		}
		slices.SortFunc(mine, func(x, y int32) int { return int(e.balances[x].asset - e.balances[y].asset) })
		b = appendUints(b, e.accounts[a].id, uint64(len(mine)))
		for _, i := range mine {
			l := &e.balances[i]
			b = appendUints(b, uint64(l.asset), uint64(l.available), uint64(l.reserved))
		}
	}
	return b
}

func (e *Engine) appendOrders(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(e.dead))
	for i := e.deadHead; i != none; i = e.orders.rows[i].next {
		b = e.appendOrder(b, i)
	}
	live := make([]int32, 0, e.live)
	for m := range e.markets {
		for _, l := range [...]*ladder{&e.markets[m].bids, &e.markets[m].asks} {
			for k := range l.levels {
				for i := l.levels[k].head; i != none; i = e.orders.rows[i].next {
					live = append(live, i)
				}
			}
		}
	}
	slices.SortFunc(live, func(x, y int32) int {
		if e.orders.rows[x].id < e.orders.rows[y].id {
			return -1
		}
		return 1
	})
	b = binary.AppendUvarint(b, uint64(len(live)))
	for _, i := range live {
		b = e.appendOrder(b, i)
	}
	return b
}

func (e *Engine) appendOrder(b []byte, i int32) []byte {
	o := &e.orders.rows[i]
	b = appendUints(b, o.id, o.account, uint64(o.market), uint64(o.price), uint64(o.quantity), uint64(o.filled),
		uint64(o.reserved), uint64(o.takerNotional), uint64(o.makerNotional), uint64(o.feePaid), uint64(o.diedMs))
	b = append(b, o.side, o.kind, o.tif, o.status, o.reject, o.cancel, o.malformed, o.kept)
	b = appendString(b, e.orders.clientIDs[i])
	for f := o.fills; f != none; f = e.fillSlab[f].next {
		k := &e.fillSlab[f]
		b = appendUints(b, k.tradeID, uint64(k.price), uint64(k.quantity), uint64(k.fee))
	}
	return b
}

func appendUints(b []byte, vs ...uint64) []byte {
	for _, v := range vs {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

// Restore returns the engine that a snapshot holds. It trusts nothing: the
// checksum, the digest of the restored state and the audit must all agree.
func Restore(b []byte) (*Engine, error) {
	if len(b) < len(snapshotMagic)+sha256.Size || string(b[:len(snapshotMagic)]) != snapshotMagic {
		return nil, fmt.Errorf("%w: %d bytes that do not begin with %s", ErrSnapshot, len(b), snapshotMagic)
	}
	body, tail := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if hash := sha256.Sum256(body); !bytes.Equal(hash[:], tail) {
		return nil, fmt.Errorf("%w: the checksum does not match", ErrSnapshot)
	}
	d := &decoder{b: body[len(snapshotMagic):]}
	if v := d.uint(); v != snapshotVersion {
		return nil, fmt.Errorf("%w: format version %d, this program reads %d", ErrSnapshot, v, snapshotVersion)
	}
	if v := d.uint(); v != Semantics {
		return nil, fmt.Errorf("%w: made by semantics version %d, this program runs %d", ErrSnapshot, v, Semantics)
	}
	digest := d.bytes(sha256.Size)
	e := New()
	e.restore(d)
	if d.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, d.err)
	}
	if got := e.Digest(); !bytes.Equal(got[:], digest) {
		return nil, fmt.Errorf("%w: restored digest %x, recorded %x", ErrSnapshot, got[:8], digest[:8])
	}
	if err := e.Audit(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	return e, nil
}
