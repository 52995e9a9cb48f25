package command

import (
	"google.golang.org/protobuf/encoding/protowire"
)

// MarketOf finds a new order by its client_order_id or client_ref among
// commands that Append wrote, and tells its market; the last one's when several
// have the name, 0 when none has. freed says that a command before it takes the
// name from whoever had it: without such an order, that any command does.
func MarketOf(commands []byte, n Name) (market uint32, freed bool) {
	if len(n.ClientID) == 0 && n.Ref == 0 {
		return 0, false
	}
	f := follower{name: n}
	each(commands, func(num protowire.Number, cmd []byte, _ uint64) {
		if num == 4 {
			each(cmd, f.command)
		}
	})
	if f.market != 0 {
		return f.market, f.behind
	}
	return 0, f.freed
}

// follower follows a name through commands.
type follower struct {
	name   Name
	market uint32
	freed  bool // a command so far takes the name from its order
	behind bool // one before the order of market does
}

// command takes a field of orders.v1.Command.
func (f *follower) command(num protowire.Number, body []byte, _ uint64) {
	switch num {
	case 2:
		f.placed(body)
	case 3:
		f.canceled(body)
	case 11: // the order that takes the other's place
		each(body, func(num protowire.Number, part []byte, _ uint64) {
			if num == 1 {
				f.canceled(part)
			} else {
				f.placed(part)
			}
		})
	case 13:
		each(body, func(_ protowire.Number, order []byte, _ uint64) { f.placed(order) })
	}
}

// placed takes a NewOrder.
func (f *follower) placed(order []byte) {
	if f.name.in(order, 8, 19, &f.market) {
		f.behind = f.freed
	}
}

// canceled takes a CancelOrder.
func (f *follower) canceled(cancel []byte) {
	var none uint32
	f.freed = f.name.in(cancel, 3, 4, &none) || f.freed
}

// in says whether a message has the name, in the field of its text or that of
// its number, and then sets market to what its field 2 has.
func (n *Name) in(msg []byte, text, ref protowire.Number, market *uint32) (named bool) {
	at := uint32(0)
	each(msg, func(num protowire.Number, b []byte, v uint64) {
		switch num {
		case 2:
			at = uint32(v)
		case text:
			named = named || len(n.ClientID) > 0 && string(b) == string(n.ClientID)
		case ref:
			named = named || n.Ref != 0 && v == n.Ref
		}
	})
	if named {
		*market = at
	}
	return named
}

// each goes over the fields of a message that Append wrote: v is a number's
// value, b a text's or message's bytes.
func each(msg []byte, fn func(num protowire.Number, b []byte, v uint64)) {
	for len(msg) > 0 {
		num, typ, n := protowire.ConsumeTag(msg)
		if n < 0 {
			return
		}
		msg = msg[n:]
		var b []byte
		var v uint64
		if typ == bytesType {
			b, n = protowire.ConsumeBytes(msg)
		} else {
			v, n = protowire.ConsumeVarint(msg)
		}
		if n < 0 {
			return
		}
		msg = msg[n:]
		fn(num, b, v)
	}
}
