// Package tape reads and writes order tapes, and plays them through the engine.
// A tape is the input format for anyone who wants to compare matching engines:
// commands of one market, nothing else.
//
//	+---------------------------+----------------------+------------+-----+
//	| "FTAPE" + three zero bytes | uint64 record count | record x 48 bytes |
//	+---------------------------+----------------------+------------+-----+
//
// Integers are little-endian. A record:
//
//	offset  size  field
//	0       1     op: 0 new, 1 cancel, 2 amend
//	1       1     side: 0 bid, 1 ask
//	2       1     time in force: 0 GTC, 1 IOC, 2 FOK, 3 GTC post-only
//	3       1     type: 0 limit, 1 market
//	4       4     account
//	8       8     ref: the account's own order id, reusable once the order is dead
//	16      8     price in ticks (signed); 0 for market orders
//	24      8     quantity in lots
//	32      8     time in milliseconds
//	40      8     reserved, zero
//
// A cancel names its order by account and ref and leaves the rest unused. An amend
// carries the order's new price (0: as it is) and its new quantity, what was
// filled included (0: as it is); less quantity at the same price keeps the place in
// the queue, anything else loses it. Market orders never rest, whatever their time
// in force, and cannot be post-only; a post-only order that would take is rejected;
// a ref of a live order of its account is rejected, and so is the ref 2^64-1. An op,
// side, time in force or type that has no meaning is rejected as "bad_command" and
// the tape goes on; a file that is not what its header promises is not played. Time
// moves with the first record of every thousand, and never back.
//
// Playing a tape ([Play]) needs accounts that can pay: Prefund gives each account
// of the tape an equal share of what a venue can hold, in both assets; without it
// every order is rejected for want of balance. The market has a tick and a lot of one
// smallest unit, so price x quantity is the notional; one above 2^63-1 is rejected.
//
// # Events
//
// One JSON object a line, in order:
//
//	{"cmd":7,"type":"accepted","account":4,"ref":12,"price":100,"qty":5}
//	{"cmd":7,"type":"trade","account":4,"ref":12,"maker_account":1,"maker":3,"price":100,"qty":2}
//	{"cmd":7,"type":"canceled","account":4,"ref":12,"qty":3,"reason":"ioc_remainder"}
//	{"cmd":8,"type":"amended","account":1,"ref":3,"price":101,"qty":9}
//	{"cmd":9,"type":"rejected","account":1,"ref":3,"reason":"unknown_order"}
//
// cmd is the record's index from 0, ref of a trade is the taker's and maker the
// maker's, qty of an accepted or amended order its whole quantity, of a canceled one
// what was left of it. Refs are unique per account only; account and maker_account
// tell them apart. A fill-or-kill order that cannot be filled is one "rejected" with
// the reason "fok_unfillable". Self-trade prevention that takes lots from an order
// which lives on is an "amended" with the reason "self_trade". Reasons are the names
// of orders.v1.RejectReason and orders.v1.CancelReason in lower case, without their
// prefix.
package tape

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Op is what a record asks for.
type Op uint8

// The operations of a tape.
const (
	OpNew Op = iota
	OpCancel
	OpAmend
)

// Side of an order.
type Side uint8

// The sides of a book.
const (
	Bid Side = iota
	Ask
)

// TIF is a record's time in force.
type TIF uint8

// The times in force of a tape.
const (
	GTC TIF = iota
	IOC
	FOK
	PostOnly
)

// Kind is an order's type.
type Kind uint8

// The types of orders on a tape.
const (
	Limit Kind = iota
	Market
)

// Sizes of a tape's parts, in bytes.
const (
	headerSize = 16
	recordSize = 48
)

var magic = [8]byte{'F', 'T', 'A', 'P', 'E'}

// Record is one command of a tape.
type Record struct {
	Op       Op
	Side     Side
	TIF      TIF
	Kind     Kind
	Account  uint32
	Ref      uint64
	Price    int64  // ticks
	Quantity uint64 // lots
	TimeMs   uint64
}

// ErrFormat is wrapped by every error of Read about the bytes themselves.
var ErrFormat = errors.New("not a usable tape")

// Read reads a whole tape. What a record asks for is not looked at.
func Read(r io.Reader) ([]Record, error) {
	in := bufio.NewReaderSize(r, 1<<20)
	var head [headerSize]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, fmt.Errorf("%w: it ends within its 16 bytes of header", ErrFormat)
	}
	if [8]byte(head[:8]) != magic {
		return nil, fmt.Errorf("%w: it begins with %q, not with FTAPE and three zero bytes", ErrFormat, head[:8])
	}
	count := binary.LittleEndian.Uint64(head[8:])
	// The count is a claim: memory is taken as the records come.
	out := make([]Record, 0, min(count, 1<<20))
	var b [recordSize]byte
	for i := uint64(0); i < count; i++ {
		if _, err := io.ReadFull(in, b[:]); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil, fmt.Errorf("%w: it ends in record %d of %d", ErrFormat, i, count)
			}
			return nil, fmt.Errorf("reading record %d: %w", i, err)
		}
		out = append(out, decode(&b))
	}
	if _, err := in.ReadByte(); err == nil {
		return nil, fmt.Errorf("%w: bytes after the %d records that its header promises", ErrFormat, count)
	}
	return out, nil
}

func decode(b *[recordSize]byte) Record {
	le := binary.LittleEndian
	return Record{
		Op: Op(b[0]), Side: Side(b[1]), TIF: TIF(b[2]), Kind: Kind(b[3]), Account: le.Uint32(b[4:]), Ref: le.Uint64(b[8:]),
		Price: int64(le.Uint64(b[16:])), Quantity: le.Uint64(b[24:]), TimeMs: le.Uint64(b[32:]),
	}
}

// means reports values that have a meaning where they are used; bad prices and
// quantities are the engine's to reject.
func (r *Record) means() bool {
	return r.Op <= OpAmend && (r.Op != OpNew || r.Side <= Ask && r.TIF <= PostOnly && r.Kind <= Market)
}

// Write writes a whole tape.
func Write(w io.Writer, records []Record) error {
	out := bufio.NewWriterSize(w, 1<<20)
	var head [headerSize]byte
	copy(head[:], magic[:])
	binary.LittleEndian.PutUint64(head[8:], uint64(len(records)))
	if _, err := out.Write(head[:]); err != nil {
		return fmt.Errorf("writing tape: %w", err)
	}
	le := binary.LittleEndian
	for i := range records {
		r := &records[i]
		b := [recordSize]byte{byte(r.Op), byte(r.Side), byte(r.TIF), byte(r.Kind)}
		le.PutUint32(b[4:], r.Account)
		le.PutUint64(b[8:], r.Ref)
		le.PutUint64(b[16:], uint64(r.Price))
		le.PutUint64(b[24:], r.Quantity)
		le.PutUint64(b[32:], r.TimeMs)
		if _, err := out.Write(b[:]); err != nil {
			return fmt.Errorf("writing tape: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing tape: %w", err)
	}
	return nil
}
