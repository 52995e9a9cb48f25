// Package core is the event-handler's steps for a simulation: an EVM network is
// followed, and its units are published, on the caller's goroutine, with
// endpoints, stream and time of the caller's making.
package core

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"fondaco.dev/proto/config"
	"fondaco.dev/services/event-handler/internal/core"
	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// What a subject is to the event-handler.
type (
	Log     = core.Log
	Message = core.Message
	Limits  = core.Limits
)

// ErrFenced is what Log.Publish says when another instance published.
var ErrFenced = core.ErrFenced

// ErrNothingNew says that everything an endpoint has was published, or waits to be.
var ErrNothingNew = evm.ErrNothingNew

// EVM is one instance of the event-handler on one network, from the opening of
// its subject to a crash: whoever drops it has crashed it.
type EVM struct {
	chainID   uint64
	follower  *evm.Follower
	nodes     []evm.Node
	publisher *core.Publisher
}

// Endpoint answers the body of a JSON-RPC request with an HTTP status and a body.
type Endpoint func(body []byte) (status int, answer []byte)

// Open reads the subject's tail and goes on behind it.
func Open(ctx context.Context, log Log, net *config.Network, endpoints []Endpoint, limits Limits) (*EVM, error) {
	e := &EVM{chainID: net.ChainID}
	for i, answer := range endpoints {
		client, err := jsonrpc.New(fmt.Sprintf("http://endpoint-%d", i), jsonrpc.Options{Transport: jsonrpc.Local(answer)})
		if err != nil {
			return nil, err
		}
		e.nodes = append(e.nodes, evm.NewRPCNode(client))
	}
	tail, err := core.Open(ctx, log)
	if err != nil {
		return nil, err
	}
	e.publisher = core.NewPublisher(log, tail, limits, nil)
	set := evm.SettingsOf(net)
	set.NoAhead, set.Endpoints = true, len(endpoints)
	if e.follower, err = evm.Restore(ctx, log, tail, set, e.publisher.Put); err != nil {
		return nil, err
	}
	return e, nil
}

// Step does one unit of work with an endpoint; second is asked where that
// one's word is doubted. It returns ErrNothingNew, what the endpoint did wrong, or an
// error of the subject. Where an endpoint is on another branch than was
// published, more than half of all must be on it to follow it there.
func (e *EVM) Step(ctx context.Context, endpoint, second int) error {
	node := e.nodes[endpoint]
	id, genesis, err := node.Identity(ctx)
	switch {
	case err != nil:
		return err
	case id != e.chainID:
		return fmt.Errorf("endpoint %d has chain id %d", endpoint, id)
	case e.follower.Genesis() == (common.Hash{}):
		e.follower.Bind(genesis)
	}
	err = e.follower.Step(ctx, node, e.nodes[second])
	var branch *evm.BranchError
	var deep *evm.DeepReorgError
	if errors.As(err, &branch) || errors.As(err, &deep) {
		return e.follower.Rewind(ctx, node, e.agree)
	}
	return err
}

// agree is not nil unless more than half of the endpoints have the block.
func (e *EVM) agree(ctx context.Context, number uint64, hash common.Hash) error {
	n := 0
	for _, node := range e.nodes {
		if h, err := node.Headers(ctx, []uint64{number}); err == nil && h[0] != nil && h[0].Hash == hash {
			n++
		}
	}
	if 2*n <= len(e.nodes) {
		return fmt.Errorf("%d of %d endpoints have block %d %s", n, len(e.nodes), number, hash)
	}
	return nil
}

// Rescan reads the next final heights a second time; see evm.Follower.
func (e *EVM) Rescan(ctx context.Context, endpoint, second int) (bool, error) {
	return e.follower.Rescan(ctx, e.nodes[endpoint], e.nodes[second], e.nodes...)
}

// Send publishes one message of what waits, and reports whether anything did.
func (e *EVM) Send(ctx context.Context) (bool, error) { return e.publisher.Send(ctx) }

// Head is the newest block that was handed to the publisher.
func (e *EVM) Head() (number uint64, started bool) {
	s := e.follower.State()
	return s.Indexed, s.Started
}
