package core

import (
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"google.golang.org/protobuf/encoding/protowire"
)

// Events are written straight into the bytes of an Output, each as
//
//	+----------------+--------+---------------+--------+-----------+
//	| field 6, bytes | length | kind N, bytes | length | fields... |
//	+----------------+--------+---------------+--------+-----------+
//
// in ascending field order with zero values left out, as the canonical proto3
// encoding has it. Written by hand so that the bytes depend on nothing but this
// file, and so that a command allocates nothing. Field numbers are those of
// trades.v1; a test decodes every kind and encodes it back.

// Field numbers of Event.kind.
const (
	kindPackApplied     = 1
	kindAssetAdded      = 2
	kindMarketAdded     = 3
	kindDeposited       = 4
	kindOrderAccepted   = 5
	kindOrderRejected   = 6
	kindTrade           = 7
	kindOrderCanceled   = 8
	kindBalanceChanged  = 10
	kindHalted          = 11
	kindResumed         = 12
	kindCommandRejected = 13
	kindOrderRested     = 14
)

// Batch collects the events of consecutive packs. The zero value is ready.
type Batch struct {
	data []byte // framed events, back to back
	ends []int  // where each one ends in data
	tmp  []byte
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() { b.data, b.ends = b.data[:0], b.ends[:0] }

// Len is the number of events, Size their bytes.
func (b *Batch) Len() int { return len(b.ends) }

// Size is the number of bytes of all events.
func (b *Batch) Size() int { return len(b.data) }

// Events decodes the batch, for tests and tools.
func (b *Batch) Events() ([]*tradesv1.Event, error) {
	out := &tradesv1.Output{}
	if err := unmarshal(b.data, out); err != nil {
		return nil, err
	}
	return out.Events, nil
}

// emit frames the fields of one event. fields is the batch's own tmp.
func (e *Engine) emit(kind protowire.Number, fields []byte) {
	b := e.out
	b.tmp = fields
	inner := protowire.SizeTag(kind) + protowire.SizeBytes(len(fields))
	b.data = protowire.AppendTag(b.data, 6, protowire.BytesType)
	b.data = protowire.AppendVarint(b.data, uint64(inner))
	b.data = protowire.AppendTag(b.data, kind, protowire.BytesType)
	b.data = protowire.AppendBytes(b.data, fields)
	b.ends = append(b.ends, len(b.data))
	e.events++
}

func (e *Engine) emitPackApplied(gateway string, packNo uint64, skipped bool) {
	from := e.in.From
	if !printable(from, MaxGatewayName) {
		from = ""
	}
	f := putUint(e.out.tmp[:0], 1, e.in.Seq)
	f = putUint(putString(f, 2, gateway), 3, packNo)
	f = putInt(f, 4, e.clock.nowMs)
	f = putBool(putBool(f, 5, skipped), 6, e.doubtful)
	e.emit(kindPackApplied, putString(f, 7, from))
}

func (e *Engine) emitAssetAdded(name string, scale uint32) {
	e.emit(kindAssetAdded, putUint(putString(e.out.tmp[:0], 1, name), 2, uint64(scale)))
}

func (e *Engine) emitMarketAdded(c *ordersv1.AddMarket) {
	f := putString(e.out.tmp[:0], 1, c.Symbol)
	f = putString(putString(f, 2, c.Base), 3, c.Quote)
	f = putInt(putInt(f, 4, c.Tick), 5, c.Lot)
	e.emit(kindMarketAdded, putInt(putInt(f, 6, c.MakerFeePpm), 7, c.TakerFeePpm))
}

func (e *Engine) emitDeposited(c *ordersv1.Deposit) {
	f := putString(putUint(e.out.tmp[:0], 1, c.Account), 2, c.Asset)
	e.emit(kindDeposited, putString(putInt(f, 3, c.Amount), 4, c.DepositId))
}

// emitOrder writes OrderAccepted or OrderRejected. Only a rejected order
// has a reason or is malformed.
func (e *Engine) emitOrder(kind protowire.Number, o *order, symbol, clientID string) {
	f := putUint(putUint(e.out.tmp[:0], 1, o.id), 2, o.account)
	f = putString(f, 3, symbol)
	f = putUint(putUint(putUint(f, 4, uint64(o.side)), 5, uint64(o.kind)), 6, uint64(o.tif))
	f = putInt(putInt(f, 7, o.price), 8, o.quantity)
	f = putInt(putString(f, 9, clientID), 10, e.clock.nowMs)
	e.emit(kind, putUint(putUint(f, 11, uint64(o.reject)), 12, uint64(o.malformed)))
}

func (e *Engine) emitTrade(symbol string, price, lots int64, maker, taker *order, makerFee, takerFee int64) {
	f := putString(putUint(e.out.tmp[:0], 1, e.tradeID), 2, symbol)
	f = putInt(putInt(f, 3, price), 4, lots)
	f = putUint(putUint(f, 5, maker.id), 6, taker.id)
	f = putUint(putUint(f, 7, maker.account), 8, taker.account)
	f = putInt(putInt(putUint(f, 9, uint64(taker.side)), 10, makerFee), 11, takerFee)
	e.emit(kindTrade, putInt(f, 12, e.clock.nowMs))
}

func (e *Engine) emitOrderCanceled(id uint64, why ordersv1.CancelReason, lots int64) {
	f := putUint(putUint(e.out.tmp[:0], 1, id), 2, uint64(why))
	e.emit(kindOrderCanceled, putInt(putInt(f, 3, lots), 4, e.clock.nowMs))
}

func (e *Engine) emitOrderRested(id uint64, lots int64) {
	e.emit(kindOrderRested, putInt(putUint(e.out.tmp[:0], 1, id), 2, lots))
}

func (e *Engine) emitBalance(account uint64, asset string, available, reserved int64) {
	f := putString(putUint(e.out.tmp[:0], 1, account), 2, asset)
	e.emit(kindBalanceChanged, putInt(putInt(f, 3, available), 4, reserved))
}

func (e *Engine) emitHalted() {
	e.emit(kindHalted, putInt(putInt(e.out.tmp[:0], 1, e.clock.nowMs), 2, e.clock.leaptToMs))
}

func (e *Engine) emitResumed() { e.emit(kindResumed, putInt(e.out.tmp[:0], 1, e.clock.nowMs)) }

func (e *Engine) emitCommandRejected(index int, account, orderID uint64, r reason) {
	f := putUint(putUint(e.out.tmp[:0], 1, uint64(index)), 2, account)
	e.emit(kindCommandRejected, putUint(putUint(f, 3, orderID), 4, uint64(r)))
}
