package evm

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"go.uber.org/zap"
)

// foundTimeout is how long endpoints may take to say which chain they serve,
// before an empty subject is bound to what the others say.
const foundTimeout = 10 * time.Second

// GenesisError says that nothing is published yet, and that the endpoints serve
// different chains with the configured chain id. A majority does not decide which
// one is meant: what is stored under the network's name is bound to it for good.
type GenesisError struct{ text string }

func (e *GenesisError) Error() string {
	return "the endpoints serve different chains: " + e.text + "; nothing is published yet, so that none of them is the right one by itself: " +
		"take the wrong ones out of the configuration"
}

// identified is which chain an endpoint serves, or why that is not known.
type identified struct {
	Endpoint
	genesis common.Hash
	err     error
}

// identity asks an endpoint for its genesis. An *IdentityError says that it has
// another chain id.
func identity(ctx context.Context, ep Endpoint, chainID uint64) (common.Hash, error) {
	id, genesis, err := ep.Node.Identity(ctx)
	if err == nil && id != chainID {
		err = &IdentityError{fmt.Sprintf("%s has chain id %d, the configuration says %d", ep.Name, id, chainID)}
	}
	return genesis, err
}

// identities asks all endpoints at once, in foundTimeout.
func identities(ctx context.Context, endpoints []Endpoint, chainID uint64) []identified {
	ctx, cancel := context.WithTimeout(ctx, foundTimeout)
	defer cancel()
	out := make([]identified, len(endpoints))
	var all sync.WaitGroup
	for i, ep := range endpoints {
		out[i].Endpoint = ep
		all.Go(func() { out[i].genesis, out[i].err = identity(ctx, ep, chainID) })
	}
	all.Wait()
	return out
}

// oneGenesis is what all answers agree on: the zero hash when there is none, a
// *GenesisError when they differ.
func oneGenesis(answers []identified) (common.Hash, error) {
	var one common.Hash
	var says []string
	differ := false
	for _, a := range answers {
		if a.err != nil {
			continue
		}
		differ = differ || one != (common.Hash{}) && a.genesis != one
		one = a.genesis
		says = append(says, fmt.Sprintf("%s has genesis %s", a.Name, a.genesis))
	}
	if differ {
		return common.Hash{}, &GenesisError{strings.Join(says, ", ")}
	}
	return one, nil
}

// found binds an empty subject to the genesis that every endpoint tells which
// answers. While they differ, or none answers, nothing is begun: it waits, and asks
// again.
func (s *Source) found(ctx context.Context) error {
	said := ""
	for wait := s.RestMin; s.Follower.Genesis() == (common.Hash{}); wait = min(2*wait, s.Scout) {
		now := time.Now()
		var ask []Endpoint
		var of []*endpoint
		for _, ep := range s.eps {
			if !ep.until.After(now) { // nobody else works on them yet
				ask, of = append(ask, ep.Endpoint), append(of, ep)
			}
		}
		answers := identities(ctx, ask, s.ChainID)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		genesis, err := oneGenesis(answers)
		if err == nil && genesis != (common.Hash{}) {
			s.mu.Lock()
			s.genesis = genesis
			s.mu.Unlock()
			s.Follower.Bind(genesis)
		}
		for i, a := range answers {
			if a.err != nil {
				s.Observer.Stepped(of[i].Name, a.err)
				s.failed(of[i], a.err)
			}
		}
		switch {
		case s.Follower.Genesis() != (common.Hash{}):
			return nil
		case err != nil:
			if text := err.Error(); text != said {
				said = text
				s.Log.Error("nothing is begun", zap.Error(err))
			}
			s.Observer.Waiting(err)
		default:
			s.Observer.Waiting(s.waiting())
		}
		s.sleep(ctx, wait, nil, nil)
	}
	return ctx.Err()
}
