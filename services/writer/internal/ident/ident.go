// Package ident projects identity requests onto accounts and tokens. Each
// request's answer is stored with it, so that a retry gets the first answer,
// and is sent after the commit.
package ident

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/services/writer/internal/partition"

	feedv1 "fondaco.dev/proto/feed/v1"
	identityv1 "fondaco.dev/proto/identity/v1"
	ordersv1 "fondaco.dev/proto/orders/v1"
)

// HeaderReply tells a gateway what an answer on its subject is.
const (
	HeaderReply = "Fondaco-Reply"
	replyKind   = "identity"
)

// Identity is the projection of the IDENTITY stream.
type Identity struct {
	bus     *bus.Bus
	log     *zap.Logger
	metrics *partition.Metrics

	stable  partition.Cursor
	plan    []request
	dead    []bus.Message
	answers []answer // of the last Write
}

type request struct {
	msg bus.Message
	req *identityv1.Request
}

type answer struct {
	gateway, requestID string
	body               []byte
}

// New makes the projection.
func New(b *bus.Bus, m *partition.Metrics, log *zap.Logger) *Identity {
	return &Identity{bus: b, metrics: m, log: log}
}

// Load forgets everything and goes on after cur.
func (d *Identity) Load(cur partition.Cursor) {
	d.stable, d.plan, d.dead, d.answers = cur, nil, nil, nil
}

// Take plans one request. The stream has one subject, so that its sequence is
// dense: a gap means that requests are missing.
func (d *Identity) Take(_ context.Context, m bus.Message) (int, error) {
	if m.Seq != d.stable.Seq+1 {
		return 0, partition.Stopf("it follows message %d: requests between them are missing. %s", d.stable.Seq, partition.Recovery("", feedv1.IdentityPartition))
	}
	var req identityv1.Request
	if err := proto.Unmarshal(m.Data, &req); err != nil || !validRequestID.MatchString(req.GetRequestId()) {
		d.dead = append(d.dead, m)
	} else {
		d.plan = append(d.plan, request{msg: m, req: &req})
	}
	d.stable.Seq, d.stable.Digest, d.stable.Pos = m.Seq, partition.Digest(m), feedv1.EndOf(m.Seq)
	d.stable.CaughtUp = d.stable.CaughtUp || m.Pending == 0
	return 1, nil
}

var (
	validRequestID = regexp.MustCompile(`^[\x21-\x7e]{1,128}$`)
	validName      = regexp.MustCompile(`^[a-z0-9._-]{1,64}$`)
	validGateway   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

// Cursor is where a transaction that writes the plan ends.
func (d *Identity) Cursor() partition.Cursor { return d.stable }

// Write carries the requests out, one after the other.
func (d *Identity) Write(ctx context.Context, tx pgx.Tx) error {
	d.answers = nil
	for _, r := range d.plan {
		body, err := d.answer(ctx, tx, r)
		if err != nil {
			return fmt.Errorf("request %s at %d: %w", r.req.GetRequestId(), r.msg.Seq, err)
		}
		d.answers = append(d.answers, answer{r.req.GetGateway(), r.req.GetRequestId(), body})
	}
	const q = `
insert into ctl.dead_letters (build, partition, seq, unit, reason, body) values ('', $1, $2, -1, $3, $4)
on conflict (build, partition, seq, unit) do nothing`
	for _, m := range d.dead {
		if _, err := tx.Exec(ctx, q, feedv1.IdentityPartition, m.Seq, "the request cannot be read or has no request_id", m.Data); err != nil {
			return fmt.Errorf("storing a dead letter: %w", err)
		}
	}
	return nil
}

// answer returns the stored answer of a request that came before, or carries
// it out.
func (d *Identity) answer(ctx context.Context, tx pgx.Tx, r request) ([]byte, error) {
	var stored []byte
	err := tx.QueryRow(ctx, `select reply from ident.requests where request_id = $1`, r.req.GetRequestId()).Scan(&stored)
	if err == nil {
		return stored, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("looking for an earlier answer: %w", err)
	}
	var reply *identityv1.Reply
	err = nil
	switch op := r.req.GetOp().(type) {
	case *identityv1.Request_CreateAccount:
		reply, err = createAccount(ctx, tx, op.CreateAccount, r.msg.Time)
	case *identityv1.Request_RevokeToken:
		reply, err = revokeToken(ctx, tx, op.RevokeToken, r.msg.Time)
	default:
		reply = refuse("bad_request", "the request asks for nothing that this writer knows")
	}
	if err != nil {
		return nil, err
	}
	reply.RequestId = r.req.GetRequestId()
	body, err := proto.Marshal(reply)
	if err != nil {
		return nil, fmt.Errorf("encoding the answer: %w", err)
	}
	const q = `insert into ident.requests (request_id, reply, created_at) values ($1, $2, $3)`
	if _, err := tx.Exec(ctx, q, r.req.GetRequestId(), body, r.msg.Time); err != nil {
		return nil, fmt.Errorf("storing the answer: %w", err)
	}
	return body, nil
}

// Committed sends the answers.
func (d *Identity) Committed(from partition.Cursor, _ bool) partition.Outcome {
	answers := d.answers
	d.metrics.Rows.WithLabelValues(feedv1.IdentityPartition, "requests").Add(float64(len(d.plan)))
	d.metrics.DeadLetters.WithLabelValues(feedv1.IdentityPartition).Add(float64(len(d.dead)))
	d.plan, d.dead, d.answers = nil, nil, nil
	hint := &feedv1.Hint{Partition: feedv1.IdentityPartition, Epoch: d.stable.Epoch(), PrevPos: from.Pos, Pos: d.stable.Pos,
		RowsLeftOut: true, CaughtUp: d.stable.CaughtUp}
	return partition.Outcome{Hint: hint, Reply: func() { d.send(answers) }}
}

// send is at most once: a gateway that hears nothing asks again with the same
// request id.
func (d *Identity) send(answers []answer) {
	for _, a := range answers {
		d.log.Debug("identity request answered", zap.String("request", a.requestID))
		if !validGateway.MatchString(a.gateway) {
			continue // nobody waits for it
		}
		msg := &nats.Msg{Subject: ordersv1.ReplySubject(a.gateway), Data: a.body, Header: nats.Header{}}
		msg.Header.Set(HeaderReply, replyKind)
		msg.Header.Set(bus.HeaderRequestID, a.requestID)
		if err := d.bus.Conn().PublishMsg(msg); err != nil {
			d.log.Warn("answering an identity request", zap.String("request", a.requestID), zap.Error(err))
		}
	}
}

// SeekBack never leads anywhere: accounts and tokens were given out.
func (d *Identity) SeekBack(_ context.Context, _ partition.Cursor, cause error) (partition.Target, error) {
	return partition.Target{}, partition.Stopf("%v. %s", cause, partition.Recovery("", feedv1.IdentityPartition))
}
