package engine

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// A snapshot is the whole state in canonical order: the same state gives the
// same bytes, whatever the memory looks like.
//
//	+------------+---------+--------+-----+---------+
//	| "FONDBOOK" | version | digest | ... | SHA-256 |
//	+------------+---------+--------+-----+---------+
//
// Then come scalars (the semantics first), assets, unfinished work, markets,
// accounts by id with their balances by asset, dead orders in the order of their
// death, resting orders by market, side, price and queue, waiting orders by id,
// deposits and withdrawals in the order they came in, gateways by when they
// were last heard of. Integers are uvarints, strings are length and bytes; the
// SHA-256 is over all that is before it.
const (
	snapshotMagic   = "FONDBOOK"
	snapshotVersion = 2
)

// ErrSnapshot is wrapped by every error of Restore.
var ErrSnapshot = errors.New("snapshot is not usable")

// AppendSnapshot appends the encoded state. It is called between packs.
func (e *Engine) AppendSnapshot(b []byte) []byte {
	start := len(b)
	b = append(b, snapshotMagic...)
	b = binary.AppendUvarint(b, snapshotVersion)
	digest := e.Digest()
	b = append(b, digest[:]...)
	b = e.appendScalars(b)
	b = e.appendAssets(b)
	b = e.appendJobs(b)
	b = binary.AppendUvarint(b, uint64(len(e.markets)))
	for k := range e.markets {
		b = e.appendMarket(b, &e.markets[k])
	}
	b = e.appendAccounts(b)
	b = e.appendOrders(b)
	b = binary.AppendUvarint(b, uint64(len(e.funds.rows)))
	for k := range e.funds.rows {
		f := &e.funds.rows[k]
		b = appendText(b, e.funds.id(f))
		b = appendUints(b, f.account, uint64(f.asset), uint64(f.amount))
	}
	b = binary.AppendUvarint(b, uint64(len(e.gateways.index)))
	for i := e.gateways.head; i != nobody; i = e.gateways.slab[i].next {
		g := &e.gateways.slab[i]
		b = appendUints(appendString(b, g.name), g.packNo, uint64(g.seenMs))
	}
	hash := sha256.Sum256(b[start:])
	return append(b, hash[:]...)
}

func appendText(b, text []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func (e *Engine) appendMarket(b []byte, m *market) []byte {
	b = appendString(b, m.symbol)
	b = appendString(appendString(b, e.assets[m.base-1].name), e.assets[m.quote-1].name)
	b = appendUints(b, uint64(m.tick), uint64(m.lot), uint64(m.makerPPM), uint64(m.takerPPM), uint64(m.dayEndsMs))
	b = appendBool(b, m.oneSide)
	b = append(b, m.firstPhase, m.phase, m.then)
	b = appendUints(b, uint64(m.last), uint64(m.pauseRef), uint64(m.beganMs), uint64(m.endsAtMs))
	for _, l := range [...]*Limits{&m.firstLimits, &m.limits} {
		for _, v := range l.fields() {
			b = binary.AppendUvarint(b, uint64(*v))
		}
	}
	return b
}

// fields are the limits in the order of their proto numbers.
func (l *Limits) fields() [8]*int64 {
	return [...]*int64{&l.MinLots, &l.MaxLots, &l.MinNotional, &l.MaxNotional, &l.CollarPPM, &l.PausePPM, &l.PauseMs, &l.Reference}
}

func (e *Engine) appendAccounts(b []byte) []byte {
	var known []uint32
	for k := 1; k < len(e.accounts); k++ {
		if e.accounts[k].known {
			known = append(known, uint32(k))
		}
	}
	slices.SortFunc(known, func(x, y uint32) int { return cmp.Compare(e.accounts[x].id, e.accounts[y].id) })
	held := make([]uint32, 0, len(e.balances))
	for k := 1; k < len(e.balances); k++ {
		if e.balances[k].available != 0 || e.balances[k].reserved != 0 {
			held = append(held, uint32(k))
		}
	}
	slices.SortFunc(held, func(x, y uint32) int {
		p, q := &e.balances[x], &e.balances[y]
		if c := cmp.Compare(e.accounts[p.acct].id, e.accounts[q.acct].id); c != 0 {
			return c
		}
		return cmp.Compare(p.asset, q.asset)
	})
	b = binary.AppendUvarint(b, uint64(len(known)))
	at := 0
	for _, a := range known {
		from := at
		for at < len(held) && e.balances[held[at]].acct == a {
			at++
		}
		b = appendUints(b, e.accounts[a].id, uint64(e.accounts[a].deadMan), uint64(at-from))
		for _, k := range held[from:at] {
			l := &e.balances[k]
			b = appendUints(b, uint64(l.asset), uint64(l.available), uint64(l.reserved))
		}
	}
	return b
}

func (e *Engine) appendOrders(b []byte) []byte {
	var s OrderState
	b = binary.AppendUvarint(b, uint64(e.dead))
	for i := e.deadHead; i != 0; i = e.orders[i].next {
		e.orderState(i, &s)
		b = s.append(b)
	}
	b = binary.AppendUvarint(b, uint64(e.live))
	for k := range e.markets {
		for _, l := range [...]*ladder{&e.markets[k].books[0], &e.markets[k].books[1]} {
			for v := l.best; v != 0; v = l.next(v) {
				for i := l.levels[v].head; i != 0; i = e.orders[i].next {
					e.orderState(i, &s)
					b = s.append(b)
				}
			}
		}
	}
	var waiting []uint32
	for k := 1; k < len(e.orders); k++ {
		if e.orders[k].status == statusWaiting {
			waiting = append(waiting, uint32(k))
		}
	}
	slices.SortFunc(waiting, func(x, y uint32) int { return cmp.Compare(e.orders[x].id, e.orders[y].id) })
	for _, i := range waiting {
		e.orderState(i, &s)
		b = s.append(b)
	}
	return b
}

const (
	stateSells = 1 << iota
	statePost
	stateNamed
	stateTerms
	stateTriggered
)

func (s *OrderState) append(b []byte) []byte {
	flags := s.Side - buy
	if s.PostOnly {
		flags |= statePost
	}
	if len(s.ClientID) != 0 {
		flags |= stateNamed
	}
	if s.HasTerms {
		flags |= stateTerms
	}
	if s.Triggered {
		flags |= stateTriggered
	}
	b = append(b, flags, s.Status, s.Type, s.TIF, s.SelfRule, s.Why)
	b = appendUints(b, s.ID, s.Account, uint64(s.Market), uint64(s.Price), uint64(s.Remaining), uint64(s.Reserved), uint64(s.Quantity),
		uint64(s.Filled), uint64(s.Made), uint64(s.Took), uint64(s.FeePaid), s.Arrival, s.Ref)
	if len(s.ClientID) != 0 {
		b = appendText(b, s.ClientID)
		b = le.AppendUint64(le.AppendUint64(b, s.Content[0]), s.Content[1])
	}
	if s.HasTerms {
		t := &s.Terms
		b = appendUints(b, uint64(t.Budget), uint64(t.Protection), uint64(t.Trigger), uint64(t.Trail), uint64(t.Display),
			uint64(t.MinLots), uint64(t.ExpiresMs), uint64(s.Visible), s.OtherLeg)
	}
	return b
}

// Restore returns the engine that a snapshot holds, with the default Options.
// It trusts nothing: the checksum, the digest of the restored state and the
// audit must all agree.
func Restore(b []byte) (*Engine, error) { return RestoreWith(Options{}, b) }

// RestoreWith is Restore for an engine with these options.
func RestoreWith(opts Options, b []byte) (*Engine, error) {
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
	digest := d.bytes(sha256.Size)
	e, err := d.restore(opts)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	if got := e.Digest(); !bytes.Equal(got[:], digest) {
		return nil, fmt.Errorf("%w: restored digest %x, recorded %x", ErrSnapshot, got[:8], digest[:8])
	}
	return e, nil
}
