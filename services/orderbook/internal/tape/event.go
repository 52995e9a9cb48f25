package tape

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"math/bits"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// Numbers of trades.v1.Event.kind that a tape's events come from.
const (
	kindAccepted        = 5
	kindRejected        = 6
	kindTrade           = 7
	kindCanceled        = 8
	kindAmended         = 9
	kindCommandRejected = 13
	kindDecremented     = 22
)

// Names of reasons, by number.
var (
	rejectNames = names(ordersv1.RejectReason(0).Descriptor(), "REJECT_REASON_")
	cancelNames = names(ordersv1.CancelReason(0).Descriptor(), "CANCEL_REASON_")
)

func names(d protoreflect.EnumDescriptor, prefix string) []string {
	out := make([]string, d.Values().Len())
	for i := range out {
		v := d.Values().Get(i)
		out[v.Number()] = strings.ToLower(strings.TrimPrefix(string(v.Name()), prefix))
	}
	return out
}

// log turns the engine's events into lines and counts them. It keeps every order
// that the engine gave an id to: ids are dense, from 1.
type log struct {
	out    io.Writer // nil: counts only
	buf    []byte
	orders []named
	sum    Summary
}

// named is what an order is called on the tape, and what its lines repeat.
type named struct {
	ref      uint64
	account  uint32
	price    int64
	quantity int64
}

// flushAt is the buffered size from which on lines are written, in bytes.
const flushAt = 1 << 18

func newLog(out io.Writer) *log {
	return &log{out: out, orders: make([]named, 1), sum: Summary{Rejected: map[string]int{}}}
}

// values are the numeric fields of an event, by field number.
type values [16]uint64

// command takes the events of record r, which begin at from in the pack's bytes,
// and returns where they end.
func (l *log) command(index int, r *Record, events []byte, from int) (int, error) {
	start := len(l.buf)
	var v values
	for from < len(events) {
		kind, fields, end, ok := event(events, from)
		if !ok || !v.read(fields) {
			return 0, errEvents
		}
		from = end
		switch kind {
		case kindAccepted:
			l.enter(v[1], named{r.Ref, r.Account, int64(v[3]), int64(v[4])})
			l.sum.Accepted++
			l.line(index, "accepted", v[1]).price(v[3]).number(`,"qty":`, v[4]).end()
		case kindTrade:
			l.trade(index, &v)
		case kindCanceled:
			if v[4] == uint64(ordersv1.CancelReason_CANCEL_REASON_FOK_UNFILLABLE) {
				l.sum.Accepted--
				l.buf = l.buf[:start] // nothing but "accepted" came before it
				l.reject(index, r, cancelNames[v[4]])
				break
			}
			l.sum.Canceled++
			l.line(index, "canceled", v[1]).number(`,"qty":`, v[2]).reason(cancelNames[v[4]]).end()
		case kindAmended:
			o := &l.orders[v[1]]
			o.price, o.quantity = int64(v[2]), int64(v[3])
			l.sum.Amended++
			l.line(index, "amended", v[1]).price(v[2]).number(`,"qty":`, v[3]).end()
		case kindDecremented:
			o := &l.orders[v[1]]
			o.quantity -= int64(v[2])
			l.sum.Amended++
			l.line(index, "amended", v[1]).price(uint64(o.price)).number(`,"qty":`, uint64(o.quantity)).reason(cancelNames[ordersv1.CancelReason_CANCEL_REASON_SELF_TRADE]).end()
		case kindRejected:
			l.enter(v[1], named{ref: r.Ref, account: r.Account})
			l.reject(index, r, rejectNames[v[3]])
		case kindCommandRejected:
			l.reject(index, r, rejectNames[v[4]])
		}
	}
	if len(l.buf) >= flushAt {
		return from, l.flush()
	}
	return from, nil
}

func (l *log) enter(id uint64, o named) {
	for uint64(len(l.orders)) <= id {
		l.orders = append(l.orders, named{})
	}
	l.orders[id] = o
}

func (l *log) trade(index int, v *values) {
	l.sum.Trades++
	l.sum.Lots += v[3]
	hi, lo := bits.Mul64(v[2], v[3])
	var carry uint64
	l.sum.Volume.lo, carry = bits.Add64(l.sum.Volume.lo, lo, 0)
	l.sum.Volume.hi += hi + carry
	m := l.line(index, "trade", v[5])
	maker := &l.orders[v[4]]
	m.number(`,"maker_account":`, uint64(maker.account)).number(`,"maker":`, maker.ref).price(v[2]).number(`,"qty":`, v[3]).end()
}

func (l *log) reject(index int, r *Record, why string) {
	l.sum.Rejected[why]++
	l.open(index, "rejected", r.Account, r.Ref).reason(why).end()
}

// line begins the line of an order.
func (l *log) line(index int, kind string, id uint64) *log {
	o := &l.orders[id]
	return l.open(index, kind, o.account, o.ref)
}

func (l *log) open(index int, kind string, account uint32, ref uint64) *log {
	if l.out == nil {
		return l
	}
	l.buf = strconv.AppendInt(append(l.buf, `{"cmd":`...), int64(index), 10)
	l.buf = append(append(l.buf, `,"type":"`...), kind...)
	l.buf = append(l.buf, '"')
	return l.number(`,"account":`, uint64(account)).number(`,"ref":`, ref)
}

func (l *log) number(key string, v uint64) *log {
	if l.out != nil {
		l.buf = strconv.AppendUint(append(l.buf, key...), v, 10)
	}
	return l
}

// price is signed.
func (l *log) price(v uint64) *log {
	if l.out != nil {
		l.buf = strconv.AppendInt(append(l.buf, `,"price":`...), int64(v), 10)
	}
	return l
}

func (l *log) reason(why string) *log {
	if l.out != nil {
		l.buf = append(append(append(l.buf, `,"reason":"`...), why...), '"')
	}
	return l
}

func (l *log) end() {
	if l.out != nil {
		l.buf = append(l.buf, '}', '\n')
	}
}

func (l *log) flush() error {
	if len(l.buf) == 0 {
		return nil
	}
	_, err := l.out.Write(l.buf)
	l.buf = l.buf[:0]
	if err != nil {
		return fmt.Errorf("writing events: %w", err)
	}
	return nil
}

// event finds the event at from in the bytes of an Output's events: its kind, its
// fields and where the next one begins.
func event(b []byte, from int) (kind int, fields []byte, end int, ok bool) {
	size, n := binary.Uvarint(b[from+1:])
	at := from + 1 + max(n, 0)
	if n <= 0 || size > uint64(len(b)-at) {
		return 0, nil, 0, false
	}
	end = at + int(size)
	tag, n := binary.Uvarint(b[at:end])
	at += max(n, 0)
	inner, m := binary.Uvarint(b[at:end])
	at += max(m, 0)
	if n <= 0 || m <= 0 || inner != uint64(end-at) {
		return 0, nil, 0, false
	}
	return int(tag >> 3), b[at:end], end, true
}

// read takes an event's numbers; texts and messages are passed over.
func (v *values) read(b []byte) bool {
	*v = values{}
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return false
		}
		b = b[n:]
		var x uint64
		switch tag & 7 {
		case 0:
			x, n = binary.Uvarint(b)
		case 1:
			if n = 8; len(b) >= n {
				x = binary.LittleEndian.Uint64(b)
			}
		case 2:
			x, n = binary.Uvarint(b)
			if n <= 0 || x > uint64(len(b)-n) {
				return false
			}
			n += int(x)
		case 5:
			if n = 4; len(b) >= n {
				x = uint64(binary.LittleEndian.Uint32(b))
			}
		default:
			return false
		}
		if n <= 0 || n > len(b) {
			return false
		}
		b = b[n:]
		if f := tag >> 3; f < uint64(len(v)) {
			v[f] = x
		}
	}
	return true
}

// String is the volume in decimal.
func (v Volume) String() string {
	n := new(big.Int).Lsh(new(big.Int).SetUint64(v.hi), 64)
	return n.Or(n, new(big.Int).SetUint64(v.lo)).String()
}
