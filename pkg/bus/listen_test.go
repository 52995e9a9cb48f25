package bus_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestListenMissesNothing: what another connection publishes at once arrives.
func TestListenMissesNothing(t *testing.T) {
	t.Parallel()
	srv, other := setup(t)
	ctx := within(t, 60*time.Second)
	b := srv.Bus(t)
	for i := range 300 {
		subject := fmt.Sprint("at.once.", i)
		heard := make(chan struct{}, 2)
		stop, err := b.Listen(ctx, subject, func(*nats.Msg) { heard <- struct{}{} })
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Conn().Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		select {
		case <-heard:
		case <-time.After(5 * time.Second):
			t.Fatalf("message %d went past", i)
		}
		stop()
	}
}
