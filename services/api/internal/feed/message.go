// Package feed carries what changed to whoever watches: one Feed a network and
// one for the venue, each with a position that only grows, a short memory of
// what was sent, and the subscriptions that are level with it.
package feed

import (
	"encoding/binary"
	"strconv"
	"sync"

	"github.com/gobwas/ws"

	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/services/api/internal/shape"
)

// Channels. Each subscription is to one of them.
const (
	Blocks  = "blocks"
	Events  = "events"
	Deploys = "deploys"
	Depth   = "depth"
	Trades  = "trades"
	Orders  = "orders"
	Top     = "bbo"     // best bid and ask
	Ticker  = "ticker"  // last 24 hours
	Candles = "candles" // newest candle of each interval
	Markets = "markets" // phases and limits
	Queue   = "queue"   // the book order by order
	Heads   = "heads"   // newest and final block of a network
	Status  = "status"  // what the process can serve
)

// Message is one thing to tell, for one channel. Live and replayed ones are
// made by the same constructors. It is never changed once it was handed out;
// its frames are made when the first subscriber wants them and then shared.
type Message struct {
	Pos     uint64
	Op      string // event, reverted, repaired
	Channel string
	Scope   Scope
	Epoch   string
	Passing bool   // a state that a later one replaces: it is not remembered
	Told    uint64 // seq in its frames when it is not Pos; 0 = Pos
	Owner   uint64 // account that alone may see it; 0 = everybody
	State   uint64 // of a passing message: it replaces an earlier one of the same number, such as a candle's time
	// Fold makes one message of an earlier one's row and this: the changes of both.
	// nil = what a slow client misses is told it by a snapshot.
	Fold func(earlier any) *Message
	Row  any // what filters look at: *feedv1.Row, *market.Trade, *market.Order, *market.Depth

	encode func() []byte
	size   int // rough bytes held

	mu     sync.Mutex
	data   []byte
	frames map[string][]byte
}

// Scope is the key and value that name a feed in its frames: network dev,
// symbol WINE18-USD; no key for an account's own orders.
type Scope struct{ Key, Value string }

// maxVariants bounds the frames kept of one message: clients that choose
// unusual subscription ids get frames made for them alone.
const maxVariants = 16

// NewMessage makes a message whose data is encoded when it is first needed.
// size is what it holds in memory, in bytes.
func NewMessage(pos uint64, op, channel string, scope Scope, epoch string, row any, size int, encode func() []byte) *Message {
	return &Message{Pos: pos, Op: op, Channel: channel, Scope: scope, Epoch: epoch, Row: row, size: size, encode: encode}
}

// Size is roughly what the message holds in memory, in bytes.
func (m *Message) Size() int { return m.size }

// Frame is the WebSocket frame for a subscription with this id, which is raw
// JSON; with an empty id it is the bare data. The bytes are shared.
func (m *Message) Frame(id string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.frames[id]; f != nil {
		return f
	}
	if m.data == nil {
		m.data = m.encode()
	}
	f := TextFrame(m.data)
	if id != "" {
		f = TextFrame(m.envelope(id))
	}
	if m.frames == nil {
		m.frames = make(map[string][]byte, 1)
	}
	if len(m.frames) < maxVariants {
		m.frames[id] = f
	}
	return f
}

func (m *Message) envelope(id string) []byte {
	out := make([]byte, 0, len(m.data)+len(id)+160)
	seq := m.Pos
	if m.Told != 0 {
		seq = m.Told
	}
	out = appendHead(out, m.Op, id, m.Channel, m.Scope, m.Epoch, seq)
	out = append(out, `,"data":`...)
	out = append(out, m.data...)
	return append(out, '}')
}

// appendHead writes what all frames of a subscription begin with. Names of
// channels, scopes and epochs hold no character that JSON escapes.
func appendHead(out []byte, op, id, channel string, scope Scope, epoch string, seq uint64) []byte {
	out = append(out, `{"op":"`...)
	out = append(out, op...)
	out = append(out, `","id":`...)
	out = append(out, id...)
	out = append(out, `,"channel":"`...)
	out = append(out, channel...)
	if scope.Key != "" {
		out = append(out, `","`...)
		out = append(out, scope.Key...)
		out = append(out, `":"`...)
		out = append(out, scope.Value...)
	}
	out = append(out, `","epoch":"`...)
	out = append(out, epoch...)
	out = append(out, `","seq":`...)
	return strconv.AppendUint(out, seq, 10)
}

// Notice is a frame without data: subscribed, position, reset.
func Notice(op, id, channel string, scope Scope, epoch string, seq uint64) []byte {
	return TextFrame(append(appendHead(nil, op, id, channel, scope, epoch, seq), '}'))
}

// Snapshot is a frame with data that belongs to one subscription alone.
func Snapshot(op, id, channel string, scope Scope, epoch string, seq uint64, data []byte) []byte {
	out := append(appendHead(nil, op, id, channel, scope, epoch, seq), `,"data":`...)
	return TextFrame(append(append(out, data...), '}'))
}

// TextFrame is a whole, unmasked text frame.
func TextFrame(payload []byte) []byte {
	n := len(payload)
	f := make([]byte, 0, n+10)
	switch f = append(f, 0x80|byte(ws.OpText)); {
	case n < 126:
		f = append(f, byte(n))
	case n < 1<<16:
		f = binary.BigEndian.AppendUint16(append(f, 126), uint16(n))
	default:
		f = binary.BigEndian.AppendUint64(append(f, 127), uint64(n))
	}
	return append(f, payload...)
}

// OfRow makes the messages of one row of a network's feed. A revert and a repair
// are told on every channel of the chain. finalized gives the network's finalized height
// when the frame is made.
func OfRow(network, epoch string, row *feedv1.Row, finalized func() int64) []*Message {
	scope := Scope{"network", network}
	size := rowSize(row)
	one := func(op, channel string, encode func() []byte) *Message {
		return NewMessage(row.GetPos(), op, channel, scope, epoch, row, size, encode)
	}
	switch k := row.GetKind().(type) {
	case *feedv1.Row_EvmBlock:
		return []*Message{one("event", Blocks, func() []byte { return shape.Encode(shape.OfBlock(k.EvmBlock, finalized())) })}
	case *feedv1.Row_Event:
		return []*Message{one("event", Events, func() []byte { return shape.Encode(shape.OfEvent(k.Event, finalized())) })}
	case *feedv1.Row_Reverted:
		encode := func() []byte { return shape.Encode(shape.OfReverted(k.Reverted)) }
		return []*Message{one("reverted", Blocks, encode), one("reverted", Events, encode)}
	case *feedv1.Row_Repaired:
		encode := func() []byte { return shape.Encode(shape.OfRepaired(k.Repaired)) }
		return []*Message{one("repaired", Blocks, encode), one("repaired", Events, encode)}
	case *feedv1.Row_CasperBlock:
		return []*Message{one("event", Blocks, func() []byte { return shape.Encode(shape.OfCasperBlock(k.CasperBlock)) })}
	case *feedv1.Row_CasperDeploy:
		return []*Message{one("event", Deploys, func() []byte { return shape.Encode(shape.OfCasperDeploy(k.CasperDeploy)) })}
	}
	return nil
}

// rowSize estimates what a row and its frames hold; exact enough for a bound.
func rowSize(row *feedv1.Row) int {
	const fixed = 600
	switch k := row.GetKind().(type) {
	case *feedv1.Row_Event:
		return fixed + 4*len(k.Event.GetData()) + 4*len(k.Event.GetArgs())
	case *feedv1.Row_Repaired:
		return fixed + 12*len(k.Repaired.GetRemoved())
	case *feedv1.Row_CasperBlock:
		return fixed + 200*len(k.CasperBlock.GetDeploys())
	case *feedv1.Row_CasperDeploy:
		return fixed + 200*len(k.CasperDeploy.GetTransfers())
	}
	return fixed
}
