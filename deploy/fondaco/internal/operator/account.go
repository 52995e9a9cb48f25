// Package operator is what an operator asks of a running system.
package operator

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	identityv1 "fondaco.dev/proto/identity/v1"
	ordersv1 "fondaco.dev/proto/orders/v1"
)

// headerReply tells apart what comes on one reply subject.
const headerReply = "Fondaco-Reply"

// patience is how long an answer is waited for before the question is put
// again: answers travel at most once.
const patience = 3 * time.Second

// Account is one account to make, and what to put on it.
type Account struct {
	Name     string
	Role     identityv1.Role
	Venue    string
	Deposits []Deposit
}

// Deposit is an amount in the asset's smallest book unit.
type Deposit struct {
	Asset  string
	Amount int64
}

// Created is a made account. The token is told here once; the system keeps its
// hash only.
type Created struct {
	Account uint64 `json:"account"`
	Token   string `json:"token"`
}

// CreateAccount makes the account, or issues a new token for the one of that
// name, and puts the deposits on it, each once for ever: repeating the call
// after a failure is safe. It waits until the account and the deposits are
// stored, or ctx ends.
func CreateAccount(ctx context.Context, b *bus.Bus, a Account) (Created, error) {
	desk, err := openDesk(b)
	if err != nil {
		return Created{}, err
	}
	defer desk.close()
	token, hash := newToken()
	account, err := desk.createAccount(ctx, &identityv1.CreateAccount{Name: a.Name, Role: a.Role, TokenHash: hash})
	if err != nil {
		return Created{}, err
	}
	if len(a.Deposits) > 0 {
		if err := desk.deposit(ctx, account, a); err != nil {
			return Created{}, err
		}
	}
	return Created{Account: account, Token: token}, nil
}

// newToken makes 256 random bits and what the system stores of them.
func newToken() (token string, hash []byte) {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails: crypto/rand ends the process instead
	token = base64.RawURLEncoding.EncodeToString(raw)
	sum := sha256.Sum256([]byte(token))
	return token, sum[:]
}

// desk is a gateway of its own: one random id, answers on its own subject.
type desk struct {
	bus     *bus.Bus
	gateway string
	answers *nats.Subscription
	packNo  uint64
}

func openDesk(b *bus.Bus) (*desk, error) {
	d := &desk{bus: b, gateway: "operator-" + rand.Text()}
	var err error
	if d.answers, err = b.Conn().SubscribeSync(ordersv1.ReplySubject(d.gateway)); err != nil {
		return nil, fmt.Errorf("listening for answers: %w", err)
	}
	return d, nil
}

func (d *desk) close() { _ = d.answers.Unsubscribe() }

// RevokeToken ends a token; its account keeps its other ones.
func RevokeToken(ctx context.Context, b *bus.Bus, token string) error {
	desk, err := openDesk(b)
	if err != nil {
		return err
	}
	defer desk.close()
	sum := sha256.Sum256([]byte(token))
	_, err = desk.ask(ctx, &identityv1.Request{Op: &identityv1.Request_RevokeToken{RevokeToken: &identityv1.RevokeToken{TokenHash: sum[:]}}})
	return err
}

func (d *desk) createAccount(ctx context.Context, c *identityv1.CreateAccount) (uint64, error) {
	account, err := d.ask(ctx, &identityv1.Request{Op: &identityv1.Request_CreateAccount{CreateAccount: c}})
	if err != nil {
		return 0, fmt.Errorf("account %s: %w", c.Name, err)
	}
	return account, nil
}

// ask publishes an identity request until the writer has answered it.
func (d *desk) ask(ctx context.Context, req *identityv1.Request) (account uint64, err error) {
	req.RequestId, req.Gateway = rand.Text(), d.gateway
	data, err := proto.Marshal(req)
	if err != nil {
		return 0, fmt.Errorf("encoding the request: %w", err)
	}
	for try := 1; ; try++ {
		// The same request under a message id of its own: its outcome is stored
		// under the request id, so the second one gets the first one's answer.
		id := fmt.Sprintf("%s:%d", req.RequestId, try)
		h := nats.Header{bus.HeaderRequestID: []string{req.RequestId}}
		if _, err := d.bus.PublishOnce(ctx, identityv1.Subject, id, data, h); err != nil {
			return 0, err
		}
		for deadline := time.Now().Add(patience); ; {
			m, err := d.next(ctx, deadline, "identity")
			if err != nil {
				return 0, fmt.Errorf("waiting for the writer to store it: %w", err)
			}
			if m == nil {
				break
			}
			var reply identityv1.Reply
			if err := proto.Unmarshal(m.Data, &reply); err != nil || reply.RequestId != req.RequestId {
				continue
			}
			if reply.Error != "" {
				return 0, fmt.Errorf("%s (%s)", reply.Detail, reply.Error)
			}
			return reply.Account, nil
		}
	}
}

// deposit sends all deposits as one pack until the engine has answered it. The
// deposit ids make a repetition harmless: it gets the first answer.
func (d *desk) deposit(ctx context.Context, account uint64, a Account) error {
	var commands []*ordersv1.Command
	for _, dep := range a.Deposits {
		commands = append(commands, &ordersv1.Command{RequestId: d.gateway, Op: &ordersv1.Command_Deposit{Deposit: &ordersv1.Deposit{
			Account: account, Asset: dep.Asset, Amount: dep.Amount, DepositId: depositID(a.Name, dep.Asset),
		}}})
	}
	return d.send(ctx, ordersv1.Subject(a.Venue, ordersv1.FromFunds), commands, func(r *ordersv1.PackReply) (bool, error) { return outcomes(r, a) })
}

// send publishes commands that may be repeated without harm as one pack until
// read has seen the engine's answer and does not ask for it to be sent again. A
// pack whose answer was lost is followed by another one.
func (d *desk) send(ctx context.Context, subject string, commands []*ordersv1.Command, read func(*ordersv1.PackReply) (again bool, err error)) error {
	for {
		d.packNo++
		data, err := proto.Marshal(&ordersv1.Pack{Gateway: d.gateway, PackNo: d.packNo, SentAtMs: time.Now().UnixMilli(), Commands: commands})
		if err != nil {
			return fmt.Errorf("encoding the commands: %w", err)
		}
		if _, err := d.bus.PublishOnce(ctx, subject, ordersv1.MsgID(d.gateway, d.packNo), data, nil); err != nil {
			return err
		}
		for deadline := time.Now().Add(patience); ; {
			m, err := d.next(ctx, deadline, "orders")
			if err != nil {
				return fmt.Errorf("waiting for the order book's answer: %w", err)
			}
			if m == nil {
				break
			}
			var reply ordersv1.PackReply
			if err := proto.Unmarshal(m.Data, &reply); err != nil || reply.PackNo > d.packNo {
				continue
			}
			again, err := read(&reply)
			if err != nil {
				return err
			}
			if !again {
				return nil
			}
			break
		}
	}
}

func depositID(name, asset string) string { return "account-create:" + name + ":" + asset }

// outcomes reads the engine's answers; again asks for the pack to be sent anew.
func outcomes(reply *ordersv1.PackReply, a Account) (again bool, err error) {
	for i, dep := range a.Deposits {
		if i >= len(reply.Outcomes) {
			return true, nil
		}
		switch reason := reply.Outcomes[i].Reject; reason {
		case ordersv1.RejectReason_REJECT_REASON_UNSPECIFIED:
		case ordersv1.RejectReason_REJECT_REASON_STALE:
			return true, nil
		case ordersv1.RejectReason_REJECT_REASON_CONFLICT:
			return false, fmt.Errorf("account %s already got a first deposit of %s, of another amount: first deposits are made once", a.Name, dep.Asset)
		case ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ASSET:
			return false, fmt.Errorf("the venue %s has no asset %s yet", a.Venue, dep.Asset)
		default:
			return false, fmt.Errorf("the order book refuses the deposit of %s: %v", dep.Asset, reason)
		}
	}
	return false, nil
}

// next waits for an answer of the kind; nil at the deadline.
func (d *desk) next(ctx context.Context, deadline time.Time, kind string) (*nats.Msg, error) {
	for {
		wait, cancel := context.WithDeadline(ctx, deadline)
		m, err := d.answers.NextMsgWithContext(wait)
		cancel()
		switch {
		case err == nil && m.Header.Get(headerReply) == kind:
			return m, nil
		case err == nil:
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			return nil, nil
		default:
			return nil, fmt.Errorf("waiting for an answer: %w", err)
		}
	}
}
