package eventhandler

import (
	"context"
	"errors"
	"sync"

	"github.com/ethereum/go-ethereum/common"

	"fondaco.dev/proto/config"
	"fondaco.dev/services/event-handler/core"
	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// evmSource is an evm.Source with its WebSocket hints.
type evmSource struct {
	*evm.Source
	n       *network
	hint    *evm.Hint
	clients []*jsonrpc.Client
}

func (n *network) evmSource(ctx context.Context, tail core.Tail, genesis []byte, emit emitFunc) (source, error) {
	set := evm.Settings{
		Filter:    filterOf(n.cfg),
		Finality:  evm.Finality{Tag: n.cfg.Finality.Tag, Depth: n.cfg.Finality.Depth},
		MaxWindow: uint64(n.svc.cfg.LogsWindow),
	}
	follower, err := evm.Restore(ctx, n.stored, tail, set, emit)
	if err != nil {
		return nil, err
	}
	if follower.Genesis() == (common.Hash{}) && len(genesis) > 0 {
		follower.Bind(common.BytesToHash(genesis))
	}
	s := &evmSource{n: n, hint: &evm.Hint{}}
	s.Source = &evm.Source{
		Follower: follower, ChainID: n.cfg.ChainID, Poll: n.svc.cfg.Poll, Hints: s.hint.C(), Observer: s, Log: n.log,
	}
	for _, e := range n.cfg.RPC {
		c, err := jsonrpc.New(e.URL, jsonrpc.Options{
			Timeout: n.svc.cfg.RPCTimeout, MaxBody: int64(n.svc.cfg.RPCMaxBody) << 20, MaxBatch: n.svc.cfg.RPCBatch,
		})
		if err != nil {
			return nil, err
		}
		s.clients = append(s.clients, c)
		s.Source.Endpoints = append(s.Source.Endpoints, evm.Endpoint{Name: c.Name(), Node: evm.NewRPCNode(c)})
	}
	return s, nil
}

// Run follows the chain, with a subscription to each WebSocket endpoint.
func (s *evmSource) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var hints sync.WaitGroup
	defer func() {
		cancel()
		hints.Wait()
		for _, c := range s.clients {
			c.Close()
		}
	}()
	for _, u := range s.n.cfg.WS {
		hints.Go(func() { evm.WatchHeads(ctx, u, s.hint, s.n.log) })
	}
	return s.Source.Run(ctx)
}

func (s *evmSource) progress() progress {
	st := s.Follower.State()
	s.n.svc.metrics.window.WithLabelValues(s.n.cfg.Name).Set(float64(st.Window))
	return progress{head: st.NodeHead, finalized: st.NodeFinalized, published: st.Indexed, backfill: st.Backfilling}
}

// Stepped counts what nodes do wrong.
func (s *evmSource) Stepped(endpoint string, err error) {
	if err == nil || errors.Is(err, evm.ErrNothingNew) {
		s.n.health.alive()
		return
	}
	class := jsonrpc.ClassOf(err).String()
	var deep *evm.DeepReorgError
	var identity *evm.IdentityError
	switch {
	case errors.As(err, &deep):
		class = "deep_reorg"
	case errors.As(err, &identity):
		class = "wrong_chain"
	case errors.Is(err, evm.ErrInconsistent):
		class = "inconsistent"
	case class == "":
		class = "other"
	}
	s.n.svc.metrics.nodeErrors.WithLabelValues(s.n.cfg.Name, endpoint, class).Inc()
}

// Waiting is told on /readyz.
func (s *evmSource) Waiting(err error) { s.n.health.waiting(err) }

// filterOf reduces the configured contracts to what is fetched of them. An
// anonymous event has no topic to ask for: all logs of its address are fetched;
// with address "*" it is left out, as that would be every log of the chain.
func filterOf(n *config.Network) *evm.Filter {
	start := n.StartBlock
	var contracts []evm.Contract
	for _, c := range n.Contracts {
		k := evm.Contract{Any: c.Any, Address: c.Address, From: c.StartBlock}
		start = min(start, c.StartBlock)
		for _, ev := range c.Events {
			switch {
			case !ev.Anonymous:
				k.Topics = append(k.Topics, ev.ID)
			case !c.Any:
				k.AllTopics = true
			}
		}
		contracts = append(contracts, k)
	}
	return evm.NewFilter(start, contracts)
}
