package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// decoder reads what AppendSnapshot wrote. The first error sticks and every
// later read gives zero, so callers check once at the end.
type decoder struct {
	b   []byte
	err error
}

var errTruncated = errors.New("truncated or out of range")

func (d *decoder) fail() {
	d.err = errTruncated
	d.b = nil
}

func (d *decoder) uint() uint64 {
	if len(d.b) > 0 && d.b[0] < 0x80 {
		v := d.b[0]
		d.b = d.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int() int64 { return int64(d.uint()) }

// count reads a number of elements of at least one byte each.
func (d *decoder) count() int {
	v := d.uint()
	if v > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(v)
}

// bytes returns n bytes of the snapshot itself.
func (d *decoder) bytes(n int) []byte {
	if n > len(d.b) {
		d.fail()
		return make([]byte, n)
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) text() []byte   { return d.bytes(d.count()) }
func (d *decoder) string() string { return string(d.text()) }
func (d *decoder) bool() bool     { return d.bytes(1)[0] != 0 }

func (d *decoder) restore(opts Options) (*Engine, error) {
	b := NewBuilder(opts, Scalars{
		Semantics: uint32(d.uint()), LastInSeq: d.uint(), Events: d.uint(), OrderID: d.uint(), TradeID: d.uint(), Arrivals: d.uint(),
		NowMs: d.int(), LeaptToMs: d.int(), Halted: d.bool(), Doubted: d.bool(), DoubtfulBy: d.string(),
	})
	if v := b.e.semantics; d.err == nil && (v < FirstSemantics || v > NewestSemantics) {
		return nil, fmt.Errorf("it needs version %d of the behaviour, this program knows %d to %d", v, FirstSemantics, NewestSemantics)
	}
	for range d.count() {
		b.Asset(d.string(), uint32(d.uint()), d.int(), d.int())
	}
	for range d.count() {
		b.MassCancel(d.uint(), uint32(d.uint()), uint8(d.uint()), uint8(d.uint()), d.uint(), d.uint())
	}
	if b.e.semantics >= boundedTrails {
		for range d.count() {
			b.e.chases = append(b.e.chases, chase{uint32(d.uint()), d.bool(), d.int(), d.uint()})
		}
	}
	for range d.count() {
		if err := d.market(b); err != nil || d.err != nil {
			return nil, errors.Join(err, d.err)
		}
	}
	for range d.count() {
		id := d.uint()
		b.Account(id, d.int())
		for range d.count() {
			if err := b.Balance(id, uint32(d.uint()), d.int(), d.int()); err != nil || d.err != nil {
				return nil, errors.Join(err, d.err)
			}
		}
	}
	if err := d.orders(b); err != nil {
		return nil, err
	}
	for range d.count() {
		b.Fund(d.text(), d.uint(), uint32(d.uint()), d.int())
	}
	for range d.count() {
		b.Gateway(d.string(), d.uint(), d.int())
	}
	if d.err == nil && len(d.b) != 0 {
		d.fail()
	}
	if d.err != nil {
		return nil, d.err
	}
	return b.Engine()
}

func (d *decoder) orders(b *Builder) error {
	var s OrderState
	for range 2 {
		n := d.count()
		b.reserve(n)
		for range n {
			s.read(d)
			if d.err != nil {
				return d.err
			}
			if err := b.Order(&s); err != nil {
				return err
			}
		}
	}
	return d.err
}

func (d *decoder) market(b *Builder) error {
	a := Admin{Name: d.text(), Base: d.text(), Quote: d.text(), Tick: d.int(), Lot: d.int(), MakerPPM: d.int(), TakerPPM: d.int(), DayEndsMs: d.int()}
	a.OneSide = d.bool()
	phases := d.bytes(3)
	a.Phase = phases[0]
	s := MarketState{Phase: phases[1], Then: phases[2], Last: d.int(), PauseRef: d.int(), BeganMs: d.int(), EndsAtMs: d.int()}
	for _, l := range [...]*Limits{&a.Limits, &s.Limits} {
		for _, v := range l.fields() {
			*v = d.int()
		}
	}
	if d.err != nil {
		return d.err
	}
	return b.Market(&a, s)
}

func (s *OrderState) read(d *decoder) {
	f := d.bytes(6)
	*s = OrderState{
		Side: buy + f[0]&stateSells, PostOnly: f[0]&statePost != 0, HasTerms: f[0]&stateTerms != 0, Triggered: f[0]&stateTriggered != 0,
		Status: f[1], Type: f[2], TIF: f[3], SelfRule: f[4], Why: f[5],
		ID: d.uint(), Account: d.uint(), Market: uint32(d.uint()), Price: d.int(), Remaining: d.int(), Reserved: d.int(),
		Quantity: d.int(), Filled: d.int(), Made: d.int(), Took: d.int(), FeePaid: d.int(), Arrival: d.uint(), Ref: d.uint(),
	}
	if f[0]&stateNamed != 0 {
		s.ClientID = d.text()
		c := d.bytes(16)
		s.Content = [2]uint64{le.Uint64(c), le.Uint64(c[8:])}
	}
	if s.HasTerms {
		s.Terms = Terms{d.int(), d.int(), d.int(), d.int(), d.int(), d.int(), d.int()}
		s.Visible, s.OtherLeg = d.int(), d.uint()
	}
}

// Clone returns a copy that shares nothing that changes: it is made at the
// speed of memory, to be encoded while the engine goes on; see ReadyClone. It is
// called between packs.
func (e *Engine) Clone() *Engine {
	e.settleDigest()
	ready := e.spaces
	c := *e
	c.gateways = e.gateways.clone()
	c.assets = append([]asset(nil), e.assets...)
	c.assetIndex = cloneMap(e.assets, func(a *asset) string { return a.name })
	c.markets = append([]market(nil), e.markets...)
	c.marketIndex = cloneMap(e.markets, func(m *market) string { return m.symbol })
	for k := range c.markets {
		m := &c.markets[k]
		m.books[0], m.books[1] = m.books[0].clone(), m.books[1].clone()
	}
	c.accounts, c.accountRoom = append([]account(nil), e.accounts...), room{}
	c.balances, c.balanceRoom = append([]balance(nil), e.balances...), room{}
	e.spaces, c.spaces = spaces{}, spaces{}
	c.orders, c.orderRoom = copied(e.orders, ready.orders, e.memory.large)
	c.terms, c.termsRoom = append([]terms(nil), e.terms...), room{}
	c.ids = clientIDs{rows: append([]clientID(nil), e.ids.rows...), free: e.ids.free}
	c.byAccount, c.byHolding = e.byAccount.clone(), e.byHolding.clone()
	c.byID, c.byClient, c.byRef = e.byID.clone(), e.byClient.clone(), e.byRef.clone(ready.refs, &c.memory)
	c.funds = e.funds.clone()
	c.changes, c.changed, c.dirty = nil, 0, notes{}
	c.dirtyMarkets, c.digestBuf, c.fills = nil, nil, nil
	c.out, c.reply, c.none = nil, nil, Batch{}
	c.commands, c.spare = nil, spare{}
	c.detach()
	return &c
}

func cloneMap[T any](rows []T, name func(*T) string) map[string]uint32 {
	m := make(map[string]uint32, len(rows))
	for k := range rows {
		m[name(&rows[k])] = uint32(k + 1)
	}
	return m
}
