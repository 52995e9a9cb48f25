// Package command is what the api asks of the engine and what it hears back:
// commands of orders.v1 written, and its replies read, byte by byte. It is pure.
package command

import (
	"google.golang.org/protobuf/encoding/protowire"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/market"
)

// Op is what a command does.
type Op uint8

// Ops; the zero value is none.
const (
	Place Op = iota + 1
	Cancel
	Amend
	Replace
	Pair
	CancelAll
	KeepAlive
)

// Order is a new order, see orders.v1.NewOrder. ClientID aliases what it was
// read from.
type Order struct {
	Market                            *market.Market
	Side                              ordersv1.Side
	Type                              ordersv1.OrderType
	TimeInForce                       ordersv1.TimeInForce
	SelfTrade                         ordersv1.SelfTrade
	Malformed                         ordersv1.RejectReason
	PostOnly                          bool
	Price, Protection, Trigger, Trail int64 // ticks
	Quantity, Display, MinLots        int64 // lots
	Budget                            int64 // quote smallest units
	ExpiresMS                         int64
	ClientID                          []byte
	Ref                               uint64
}

// Name says which order of the account is meant: exactly one of the three.
type Name struct {
	ID       uint64
	ClientID []byte
	Ref      uint64
}

// Command is one thing to ask. Which fields count is its Op's matter.
type Command struct {
	Op     Op
	Name   Name  // Cancel, Amend, Replace
	First  Order // Place, Replace, Pair
	Second Order // Pair
	// Amend: 0 = as it is. CancelAll: the market, nil = all. Of the order named,
	// nil when it is not known here: its answer then shows no quantities.
	Market          *market.Market
	Price, Quantity int64
	Malformed       ordersv1.RejectReason
	Side            ordersv1.Side // CancelAll
	TimeoutMS       int64         // KeepAlive
}

// New says whether the command may add to a book.
func (c *Command) New() bool {
	return c.Op == Place || c.Op == Replace || c.Op == Pair || c.Op == Amend
}

// Field numbers of orders.v1.Command, and the length-delimited wire type.
const bytesType = protowire.BytesType

// Append adds the command to b as one element of orders.v1.Pack.commands.
func (c *Command) Append(b []byte, account uint64, requestID string) []byte {
	if c.Op == Place {
		if out, ok := c.First.quick(b, account, requestID); ok {
			return out
		}
	}
	var room, inner [320]byte
	body := room[:0]
	if requestID != "" {
		body = protowire.AppendTag(body, 1, bytesType)
		body = protowire.AppendString(body, requestID)
	}
	in := inner[:0]
	field := protowire.Number(0)
	switch c.Op {
	case Place:
		field, in = 2, c.First.append(in, account)
	case Cancel:
		field, in = 3, c.Name.append(in, account)
	case Amend:
		field, in = 10, c.Name.append(in, account)
		in = number(number(number(in, 5, c.Price), 6, c.Quantity), 7, int64(c.Malformed))
	case Replace:
		var part [320]byte
		field = 11
		in = message(in, 1, c.Name.append(part[:0], account))
		in = message(in, 2, c.First.append(part[:0], account))
	case Pair:
		var part [320]byte
		field = 13
		in = message(in, 1, c.First.append(part[:0], account))
		in = message(in, 2, c.Second.append(part[:0], account))
	case CancelAll:
		field, in = 12, number(in, 1, int64(account))
		if c.Market != nil {
			in = number(in, 2, int64(c.Market.ID))
		}
		in = number(in, 3, int64(c.Side))
	case KeepAlive:
		field, in = 14, number(number(in, 1, int64(account)), 2, c.TimeoutMS)
	}
	return message(b, 4, message(body, field, in))
}

func (o *Order) append(b []byte, account uint64) []byte {
	b = number(b, 1, int64(account))
	if o.Market != nil {
		b = number(b, 2, int64(o.Market.ID))
	}
	b = number(number(number(b, 3, int64(o.Side)), 4, int64(o.Type)), 5, int64(o.TimeInForce))
	b = number(number(b, 6, o.Price), 7, o.Quantity)
	b = text(b, 8, o.ClientID)
	b = number(number(b, 9, int64(o.Malformed)), 10, o.Budget)
	b = number(number(number(b, 11, o.Protection), 12, o.Trigger), 13, o.Trail)
	b = number(number(b, 14, o.Display), 15, o.MinLots)
	if o.PostOnly {
		b = number(b, 16, 1)
	}
	b = number(number(b, 17, o.ExpiresMS), 18, int64(o.SelfTrade))
	return number(b, 19, int64(o.Ref))
}

// quick is Append of a new order that is of some 50 bytes, as most are: written in
// its place, with the two lengths in front of it stored afterwards. ok is false
// when it is longer; b is then as it was.
func (o *Order) quick(b []byte, account uint64, requestID string) (out []byte, ok bool) {
	const most = 0x7f // a length of one byte
	if len(requestID)+len(o.ClientID) > most-20 {
		return b, false
	}
	outer := len(b) + 1
	b = append(b, 4<<3|byte(bytesType), 0)
	if requestID != "" {
		b = append(append(b, 1<<3|byte(bytesType), byte(len(requestID))), requestID...)
	}
	inner := len(b) + 1
	b = o.append(append(b, 2<<3|byte(bytesType), 0), account)
	if len(b)-outer-1 > most {
		return b[:outer-1], false
	}
	b[inner], b[outer] = byte(len(b)-inner-1), byte(len(b)-outer-1)
	return b, true
}

func (n *Name) append(b []byte, account uint64) []byte {
	b = number(number(b, 1, int64(account)), 2, int64(n.ID))
	return number(text(b, 3, n.ClientID), 4, int64(n.Ref))
}

func number(b []byte, field protowire.Number, v int64) []byte {
	if v == 0 {
		return b
	}
	if field < 16 && uint64(v) < 0x80 {
		return append(b, byte(field)<<3, byte(v))
	}
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(v))
}

func text(b []byte, field protowire.Number, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return protowire.AppendBytes(protowire.AppendTag(b, field, bytesType), v)
}

func message(b []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, bytesType), v)
}

// AppendHead writes what a pack begins with; its commands follow.
func AppendHead(b []byte, gateway string, packNo uint64, sentAtMS int64) []byte {
	b = protowire.AppendString(protowire.AppendTag(b, 1, bytesType), gateway)
	return number(number(b, 2, int64(packNo)), 3, sentAtMS)
}
