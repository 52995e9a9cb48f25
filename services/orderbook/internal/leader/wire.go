package leader

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/run"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// replyHeader tells the answers of the order book from those of the writer.
const (
	replyHeader = "Fondaco-Reply"
	replyOrders = "orders"
)

type busWire struct {
	bus      *bus.Bus
	venue    string
	log      *zap.Logger
	verified uint64 // reconnects of the bus when the tail was seen to be the expected one
}

// NewWire is the bus as a venue's leader uses it.
func NewWire(b *bus.Bus, venue string, log *zap.Logger) Wire {
	return &busWire{bus: b, venue: venue, log: log}
}

func (w *busWire) Publish(ctx context.Context, expected uint64, sum, data []byte, ids []string) (uint64, error) {
	if err := w.verify(ctx, expected, sum); err != nil {
		return 0, err
	}
	h := nats.Header{}
	if len(ids) > 0 {
		h.Set(bus.HeaderRequestID, strings.Join(ids, ","))
	}
	return w.bus.PublishBehind(ctx, tradesv1.Stream, tradesv1.Subject(w.venue), expected, sum, data, h)
}

// verify reads the tail again after the connection was made anew: the server may
// have been restored from a backup, and a sequence be another message's now.
func (w *busWire) verify(ctx context.Context, expected uint64, sum []byte) error {
	now := w.bus.Reconnects()
	if now == w.verified {
		return nil
	}
	backoff := run.Backoff{Max: time.Second}
	subject := tradesv1.Subject(w.venue)
	m, err := w.bus.Last(ctx, tradesv1.Stream, subject)
	for ; err != nil; m, err = w.bus.Last(ctx, tradesv1.Stream, subject) {
		if backoff.Wait(ctx) != nil {
			return fmt.Errorf("reading the tail of TRADES: %w", err)
		}
	}
	if m == nil && expected != 0 || m != nil && (m.Seq != expected || sha256.Sum256(m.Data) != [sha256.Size]byte(sum)) {
		return fmt.Errorf("publishing to %s after %d, which is another message now: %w", subject, expected, bus.ErrFenced)
	}
	w.verified = now
	return nil
}

// Of the headers of answers: shared, nobody writes to them.
var (
	plainReply  = nats.Header{replyHeader: []string{replyOrders}}
	gatherReply = nats.Header{replyHeader: []string{replyOrders}, ordersv1.HeaderGather: []string{"1"}}
)

func (w *busWire) Reply(gateway, data []byte, spans string, gather bool) {
	// The gateway's name becomes part of a subject.
	if bytes.ContainsAny(gateway, " *>") {
		return
	}
	m := &nats.Msg{Subject: ordersv1.ReplySubject(string(gateway)), Data: data, Header: plainReply}
	if gather {
		m.Header = gatherReply
	}
	if spans != "" {
		m.Header = maps.Clone(m.Header)
		m.Header[bus.HeaderTrace] = []string{spans}
	}
	if err := w.bus.Conn().PublishMsg(m); err != nil {
		w.log.Debug("an answer was not sent", zap.ByteString("gateway", gateway), zap.Error(err))
	}
}

func (w *busWire) Command(ctx context.Context, from string, p *ordersv1.Pack) error {
	data, err := proto.Marshal(p)
	if err != nil {
		return err
	}
	_, err = w.bus.PublishOnce(ctx, ordersv1.Subject(w.venue, from), ordersv1.MsgID(p.Gateway, p.PackNo), data, nil)
	return err
}

func (w *busWire) Gather(ctx context.Context, take func(pack []byte, h nats.Header)) (stop func(), err error) {
	return w.bus.Listen(ctx, ordersv1.GatherSubject(w.venue), func(m *nats.Msg) { take(m.Data, m.Header) })
}

func (w *busWire) Post(id string, data []byte, h nats.Header) {
	if err := w.bus.Post(ordersv1.Subject(w.venue, ordersv1.FromAPI), id, data, h); err != nil {
		w.log.Debug("a gathered message was not sent", zap.Error(err))
	}
}
