package bus_test

import (
	"testing"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
)

// A publish whose connection breaks before its ack is looked up as soon as there
// is a connection again, not when the time for an ack is over: an order book once
// published nothing for five seconds after its server had been restarted.
func TestPublishDoesNotWaitForALostConnection(t *testing.T) {
	t.Parallel()
	srv, direct := setup(t)
	ctx := within(t, 4*time.Second) // less than an ack may take
	g := newGate(t, srv.URL, "PUB "+subject)
	b, err := bus.Connect(ctx, bus.Config{URL: "nats://" + g.ln.Addr().String(), Name: "test"}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	g.arm()
	stored := make(chan error, 1)
	go func() {
		_, err := b.PublishFenced(ctx, stream, subject, 0, []byte("x"), nil)
		stored <- err
	}()
	select {
	case <-g.seen:
	case <-ctx.Done():
		t.Fatal("no publish was seen")
	}
	g.cut()
	g.open()
	if err := <-stored; err != nil {
		t.Fatal(err)
	}
	st, err := direct.Stream(ctx, stream)
	if err != nil || st.LastSeq != 1 {
		t.Errorf("the stream is %+v (%v), want one message", st, err)
	}
}
