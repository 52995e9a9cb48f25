package eventhandler

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ethereum/go-ethereum/common"

	"fondaco.dev/proto/config"
	"fondaco.dev/services/event-handler/internal/core"
	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// evmSource is an evm.Source with its WebSocket hints.
type evmSource struct {
	*evm.Source
	n       *network
	hint    *evm.Hint
	sockets []*evm.Socket
	clients []*jsonrpc.Client
	// contracts are the network's, each with its first block.
	contracts []config.Contract
}

func (n *network) evmSource(ctx context.Context, tail core.Tail, genesis []byte, emit emitFunc) (source, error) {
	s := &evmSource{n: n, hint: &evm.Hint{}}
	if err := s.begin(ctx, tail, genesis, emit); err != nil {
		s.close()
		return nil, err
	}
	n.health.waiting(errors.New("connecting to the nodes"))
	return s, nil
}

func (s *evmSource) begin(ctx context.Context, tail core.Tail, genesis []byte, emit emitFunc) error {
	n, cfg := s.n, s.n.svc.cfg
	endpoints, err := s.connect()
	if err != nil {
		return err
	}
	net, err := n.started(ctx, tail, endpoints)
	if err != nil {
		return err
	}
	s.contracts = net.Contracts
	for i, name := range endpointNames(n.cfg.WS) {
		s.sockets = append(s.sockets, &evm.Socket{URL: n.cfg.WS[i], Name: name, Hint: s.hint})
	}
	follower, err := evm.Restore(ctx, n.stored, tail, s.settings(net), emit)
	if err != nil {
		return err
	}
	if follower.Genesis() == (common.Hash{}) && len(genesis) > 0 {
		follower.Bind(common.BytesToHash(genesis))
	}
	s.Source = &evm.Source{
		Follower: follower, ChainID: n.cfg.ChainID, Endpoints: endpoints, Poll: cfg.Poll, Hint: s.hint, Observer: s, Log: n.log,
		Scout: cfg.Scout, RestMin: cfg.RestMin, RestMax: cfg.RestMax, Recheck: cfg.Recheck, DeepConfirm: cfg.DeepConfirm,
	}
	return nil
}

// settings of the follower of a network whose first blocks are known.
func (s *evmSource) settings(net *config.Network) evm.Settings {
	set := evm.SettingsOf(net)
	set.Proof, set.Rescanned = proof{s.n}, s.rescanned
	set.RescanEvery, set.MaxWindow = s.n.svc.cfg.RescanEvery, uint64(s.n.svc.cfg.LogsWindow)
	return set
}

// connect makes a client for each endpoint.
func (s *evmSource) connect() ([]evm.Endpoint, error) {
	cfg := s.n.svc.cfg
	var out []evm.Endpoint
	var urls []string
	for _, e := range s.n.cfg.RPC {
		urls = append(urls, e.URL)
	}
	names := endpointNames(urls)
	for i, e := range s.n.cfg.RPC {
		c, err := jsonrpc.New(e.URL, jsonrpc.Options{
			Timeout: cfg.RPCTimeout, MaxBody: int64(cfg.RPCMaxBody) << 20, MaxBatch: cfg.RPCBatch, PerSecond: e.PerSecond,
		})
		if err != nil {
			return nil, err
		}
		s.clients = append(s.clients, c)
		out = append(out, evm.Endpoint{Name: names[i], Node: evm.NewRPCNode(c), Stats: c.Stats})
	}
	return out, nil
}

func (s *evmSource) close() {
	for _, c := range s.clients {
		c.Close()
	}
}

// Run follows the chain, with a subscription to each WebSocket endpoint.
func (s *evmSource) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var hints sync.WaitGroup
	defer func() {
		cancel()
		hints.Wait()
		s.close()
	}()
	for _, socket := range s.sockets {
		hints.Go(func() { socket.Watch(ctx, s.n.log) })
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
		return
	}
	class := jsonrpc.ClassOf(err).String()
	var deep *evm.DeepReorgError
	var identity *evm.IdentityError
	var branch *evm.BranchError
	switch {
	case errors.As(err, &branch):
		class = "branch"
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
func (s *evmSource) Waiting(err error) {
	s.n.health.waiting(err)
	var deep *evm.DeepReorgError
	stopped := 0.0
	if errors.As(err, &deep) {
		stopped = 1
	}
	s.n.svc.metrics.deepReorg.WithLabelValues(s.n.cfg.Name).Set(stopped)
}

// endpointNames are what endpoints are called: scheme and host, numbered where
// several share them.
func endpointNames(urls []string) []string {
	names := make([]string, len(urls))
	seen := map[string]int{}
	for i, u := range urls {
		names[i] = jsonrpc.Name(u)
		if seen[names[i]]++; seen[names[i]] > 1 {
			names[i] = fmt.Sprintf("%s#%d", names[i], seen[names[i]])
		}
	}
	return names
}
