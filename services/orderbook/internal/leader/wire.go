package leader

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// replyHeader tells the answers of the order book from those of the writer.
const (
	replyHeader = "Fondaco-Reply"
	replyOrders = "orders"
)

type busWire struct {
	bus   *bus.Bus
	venue string
	log   *zap.Logger
}

// NewWire is the bus as a venue's leader uses it.
func NewWire(b *bus.Bus, venue string, log *zap.Logger) Wire { return &busWire{b, venue, log} }

func (w *busWire) Publish(ctx context.Context, expected uint64, data []byte, ids []string) (uint64, error) {
	h := nats.Header{}
	if len(ids) > 0 {
		h.Set(bus.HeaderRequestID, strings.Join(ids, ","))
	}
	return w.bus.PublishFenced(ctx, tradesv1.Stream, tradesv1.Subject(w.venue), expected, data, h)
}

func (w *busWire) Reply(gateway string, data []byte) {
	// The gateway's name becomes part of a subject.
	if strings.ContainsAny(gateway, " *>") {
		return
	}
	m := &nats.Msg{Subject: ordersv1.ReplySubject(gateway), Data: data, Header: nats.Header{replyHeader: []string{replyOrders}}}
	if err := w.bus.Conn().PublishMsg(m); err != nil {
		w.log.Debug("an answer was not sent", zap.String("gateway", gateway), zap.Error(err))
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
