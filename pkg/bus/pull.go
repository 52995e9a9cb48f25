package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Times of a pull request, told to the server with each one.
const (
	pullExpires   = 10 * time.Second
	pullHeartbeat = 2 * time.Second
	// silence is how long nothing may come while something is asked for.
	silence = 2*pullHeartbeat + time.Second
	// consumerIdle is after how long without a request the server forgets a
	// consumer; the next request then makes a new one.
	consumerIdle = time.Minute
)

var (
	errSilent = errors.New("the server sent no heartbeat")
	errGap    = errors.New("a message was lost on its way")
)

// puller is one consumer without acks and what was asked of it. The requests
// are those of the JetStream wire protocol, since the client library's ordered
// consumer moves each message through two goroutines more, and asks for bursts
// by making a new consumer each time.
//
//	request   $JS.API.CONSUMER.MSG.NEXT.STREAM.CONSUMER, JSON
//	100       heartbeat
//	404       a burst ended
//	408, 409  a request ended; Nats-Pending-Messages of it were not used
//	else      the consumer is of no further use
//
// Source: nats-server, server/consumer.go, processNextMsgRequest and
// processWaiting.
type puller struct {
	bus        *Bus
	subject    string // of requests
	sub        *nats.Subscription
	in         chan *nats.Msg
	connection *lifetime
	delivered  uint64 // the consumer's own count, without holes
	asked      int    // messages asked for that have not come
	burst      bool   // the last request ends with what is there
}

func (b *Bus) puller(ctx context.Context, stream string, subjects []string, from uint64) (*puller, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	p := &puller{bus: b, in: make(chan *nats.Msg, 3*followMessages), connection: b.connection.Load()}
	cfg := jetstream.ConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from, AckPolicy: jetstream.AckNonePolicy,
		InactiveThreshold: consumerIdle, Replicas: 1, MemoryStorage: true}
	if len(subjects) == 1 {
		cfg.FilterSubject = subjects[0]
	} else {
		cfg.FilterSubjects = subjects
	}
	c, err := b.js.CreateConsumer(ctx, stream, cfg)
	if err != nil {
		return nil, fmt.Errorf("opening a consumer: %w", err)
	}
	p.subject = "$JS.API.CONSUMER.MSG.NEXT." + stream + "." + c.CachedInfo().Name
	if p.sub, err = b.nc.ChanSubscribe(b.nc.NewInbox(), p.in); err != nil {
		return nil, fmt.Errorf("subscribing to a consumer: %w", err)
	}
	return p, nil
}

// ask sends a request. One that cannot be sent is found by the silence that
// follows, or by the end of the connection.
func (p *puller) ask(burst bool) {
	var room [160]byte
	b := append(room[:0], `{"batch":`...)
	b = strconv.AppendInt(b, int64(followMessages-p.asked), 10)
	b = append(b, `,"max_bytes":`...)
	b = strconv.AppendInt(b, followBytes, 10)
	b = append(b, `,"expires":`...)
	b = strconv.AppendInt(b, int64(pullExpires), 10)
	b = append(b, `,"idle_heartbeat":`...)
	b = strconv.AppendInt(b, int64(pullHeartbeat), 10)
	if burst {
		b = append(b, `,"no_wait":true`...)
	}
	_ = p.bus.nc.PublishRequest(p.subject, p.sub.Subject, append(b, '}'))
	p.asked, p.burst = followMessages, burst
}

// read takes apart what came: a message, or nil when it was about the request
// alone. After an error the puller is of no further use.
func (p *puller) read(m *nats.Msg) (*Message, error) {
	if len(m.Data) == 0 && m.Header.Get("Status") != "" {
		return nil, p.status(m.Header)
	}
	meta, err := m.Metadata()
	if err != nil {
		return nil, fmt.Errorf("reading a message's metadata: %w", err)
	}
	if p.delivered++; meta.Sequence.Consumer != p.delivered {
		return nil, errGap
	}
	p.asked = max(0, p.asked-1)
	return &Message{Subject: m.Subject, Seq: meta.Sequence.Stream, Time: meta.Timestamp, Header: m.Header, Data: m.Data, Pending: meta.NumPending}, nil
}

func (p *puller) status(h nats.Header) error {
	switch h.Get("Status") {
	case "100":
		return nil
	case "404":
		p.asked = 0
		return nil
	case "408", "409":
		if left, err := strconv.Atoi(h.Get("Nats-Pending-Messages")); err == nil {
			p.asked = max(0, p.asked-left)
			return nil
		}
	}
	return fmt.Errorf("the server ended a request: %s %s", h.Get("Status"), h.Get("Description"))
}
