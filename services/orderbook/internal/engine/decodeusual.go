package engine

import "math/bits"

// What nearly all orders and names are made of, numbers of up to 56 bits with the
// usual fields, is read by these without a loop for each number, whose length no
// branch foretells. They return false when there is anything else; the readers of
// decodeop.go then begin anew, and set again what was set here.

// short reads a varint of up to eight bytes; n is 0 when it is longer, leaves b, or
// has no eight bytes of memory after its beginning.
func short(b []byte) (v uint64, n int) {
	if cap(b) < 8 {
		return 0, 0
	}
	v = le.Uint64(b[:8])
	ends := ^v & (everyByte << 7)
	n = bits.TrailingZeros64(ends)>>3 + 1
	if n > len(b) || ends == 0 {
		return 0, 0
	}
	v &= ends ^ (ends - 1) // up to its last byte
	v = v&0x007f007f007f007f | v>>1&0x3f803f803f803f80
	v = v&0x00003fff00003fff | v>>2&0x0fffc0000fffc000
	return v&0x0fffffff | v>>4&0x00fffffff0000000, n
}

// readUsual reads a NewOrder.
func (c *Command) readUsual(b []byte) bool {
	for len(b) > 0 {
		tag := uint(b[0])
		b = b[1:]
		if tag >= 0x80 {
			if len(b) == 0 || b[0] != 1 { // fields from 16 to 31
				return false
			}
			b = b[1:]
		}
		v, n := short(b)
		if n == 0 {
			return false
		}
		b = b[n:]
		switch tag {
		case 1 << 3:
			c.Account = v
		case 2 << 3:
			c.Market = uint32(v)
		case 3 << 3:
			c.Side = enum(v)
		case 4 << 3:
			c.Type = enum(v)
		case 5 << 3:
			c.TIF = enum(v)
		case 6 << 3:
			c.Price = int64(v)
		case 7 << 3:
			c.Quantity = int64(v)
		case 18<<3&0x7f | 0x80:
			c.SelfTrade = enum(v)
		case 19<<3&0x7f | 0x80:
			c.Ref = v
		default:
			return false
		}
	}
	return true
}

// readUsualName reads a CancelOrder or AmendOrder.
func (c *Command) readUsualName(b []byte) bool {
	for len(b) > 0 {
		tag := b[0]
		v, n := short(b[1:])
		if n == 0 {
			return false
		}
		b = b[1+n:]
		switch tag {
		case 1 << 3:
			c.Account = v
		case 2 << 3:
			c.OrderID = v
		case 4 << 3:
			c.Ref = v
		case 5 << 3:
			c.Price = int64(v)
		case 6 << 3:
			c.Quantity = int64(v)
		default:
			return false
		}
	}
	return true
}
