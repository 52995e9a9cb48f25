package command

import (
	"google.golang.org/protobuf/encoding/protowire"
)

// MarketOf finds a new order by its client_order_id or client_ref among
// commands that Append wrote, and tells its market; the last one's when several
// have the name, 0 when none has.
func MarketOf(commands []byte, n Name) (market uint32) {
	if len(n.ClientID) == 0 && n.Ref == 0 {
		return 0
	}
	each(commands, func(num protowire.Number, cmd []byte, _ uint64) {
		if num != 4 {
			return
		}
		each(cmd, func(num protowire.Number, body []byte, _ uint64) {
			switch num {
			case 2:
				n.in(body, &market)
			case 11: // the order that takes the other's place
				each(body, func(num protowire.Number, order []byte, _ uint64) {
					if num == 2 {
						n.in(order, &market)
					}
				})
			case 13:
				each(body, func(_ protowire.Number, order []byte, _ uint64) { n.in(order, &market) })
			}
		})
	})
	return market
}

// in sets market when the order has the name.
func (n *Name) in(order []byte, market *uint32) {
	at, named := uint32(0), false
	each(order, func(num protowire.Number, b []byte, v uint64) {
		switch num {
		case 2:
			at = uint32(v)
		case 8:
			named = named || len(n.ClientID) > 0 && string(b) == string(n.ClientID)
		case 19:
			named = named || n.Ref != 0 && v == n.Ref
		}
	})
	if named {
		*market = at
	}
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
