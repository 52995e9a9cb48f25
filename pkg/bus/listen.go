package bus

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// Listen has the messages of a subject given to take, one after the other, until
// stop. When it returns the server knows of it, so that nothing published later
// goes past; without a connection it will when there is one.
func (b *Bus) Listen(ctx context.Context, subject string, take func(*nats.Msg)) (stop func(), err error) {
	sub, err := b.nc.Subscribe(subject, take)
	if err != nil {
		return nil, fmt.Errorf("subscribing to %s: %w", subject, err)
	}
	// Subscribing alone only puts it into a buffer. The flush wants a deadline.
	known, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	if err := b.nc.FlushWithContext(known); err != nil {
		b.log.Warn("a subscription is not known to be the server's", zap.String("subject", subject), zap.Error(err))
	}
	return func() { _ = sub.Unsubscribe() }, nil
}
