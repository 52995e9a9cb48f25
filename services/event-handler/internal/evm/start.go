package evm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// coder tells whether an address has code.
type coder interface {
	// Code reports whether address has code at the end of block number.
	// ErrNoState when the endpoint cannot know.
	Code(ctx context.Context, address common.Address, number uint64) (bool, error)
}

// Code is coder.
func (n *RPCNode) Code(ctx context.Context, address common.Address, number uint64) (bool, error) {
	var code *hexutil.Bytes
	err := n.client.Call(ctx, &code, "eth_getCode", []any{address, hexutil.Uint64(number)})
	var e *jsonrpc.Error
	switch {
	case err == nil && code == nil:
		return false, fmt.Errorf("%w: %s answered null for the code at block %d", ErrInconsistent, n.client.Name(), number)
	case err == nil:
		return len(*code) > 0, nil
	case errors.As(err, &e) && (e.Class == jsonrpc.ClassPruned || e.Code == noMethod || noState(e)):
		return false, fmt.Errorf("%w: %w", ErrNoState, err)
	}
	return false, err
}

// StartError says why a contract's first block could not be found.
type StartError struct {
	Contract string
	text     string
}

func (e *StartError) Error() string {
	return fmt.Sprintf("contract %s has no start_block, and its first block could not be found: %s", e.Contract, e.text)
}

// startTries is how often in a row an endpoint may fail in passing before the
// others' word is taken: with pauses from RestMin's default of 250 ms, doubled
// each time, half a minute.
const startTries = 7

// FindStart returns the block in which address got its code. Each endpoint that
// keeps old state is asked, and the lowest answer is taken: an endpoint that
// answers "no code" where it has no state would otherwise hide the first events.
// For the same reason one that fails in passing is asked again, after rest, then
// twice that, and so on, before the others are believed.
// It costs some twenty-five calls an endpoint. What a contract did at this address
// before it destroyed itself and was created again is not found: that needs a
// start_block.
func FindStart(ctx context.Context, contract string, address common.Address, chainID uint64, endpoints []Endpoint, rest time.Duration) (uint64, error) {
	var reasons []string
	best, found := uint64(0), false
	open := make([]*search, len(endpoints))
	for i, ep := range endpoints {
		open[i] = &search{Endpoint: ep, address: address, chainID: chainID}
	}
	for len(open) > 0 {
		var again []*search
		least := startTries
		for _, s := range open {
			at, err := s.bisect(ctx)
			switch {
			case ctx.Err() != nil:
				return 0, ctx.Err()
			case err == nil:
				if !found || at < best {
					best, found = at, true
				}
			case s.tries < startTries && !hopeless(err):
				s.tries++
				least = min(least, s.tries)
				again = append(again, s)
			default:
				reasons = append(reasons, s.Name+": "+reason(err, s.Name))
			}
		}
		if open = again; len(open) > 0 {
			t := time.NewTimer(rest << (least - 1))
			select {
			case <-ctx.Done():
				t.Stop()
				return 0, ctx.Err()
			case <-t.C:
			}
		}
	}
	if !found {
		return 0, &StartError{contract, strings.Join(reasons, "; ") + "; set start_block to a block at or below its first event"}
	}
	return best, nil
}

// hopeless errors stay, whenever the endpoint is asked again.
func hopeless(err error) bool {
	var identity *IdentityError
	return errors.Is(err, ErrNoState) || errors.Is(err, errNoCode) || errors.As(err, &identity)
}

// reason leaves out the endpoint's name where the error begins with it.
func reason(err error, name string) string { return strings.TrimPrefix(err.Error(), name+" ") }

// errNoCode: the address is nobody's.
var errNoCode = errors.New("the address has no code in the newest block: is it the right one, and on this chain?")

// reorgMargin is below any reorganisation of a chain without finality that was
// seen; nearer to the head a creation is not yet where it will stay.
const reorgMargin = 128

// search is the question put to one endpoint. It goes on where it stood when the
// endpoint failed.
type search struct {
	Endpoint
	address common.Address
	chainID uint64
	tries   int // errors in a row

	latest uint64 // 0: not begun
	lo, hi uint64 // hold the answer; hi has code
}

// bisect finds the first block in which the address has code.
func (s *search) bisect(ctx context.Context) (uint64, error) {
	n, ok := s.Node.(coder)
	if !ok {
		return 0, ErrNoState
	}
	id, _, err := s.Node.Identity(ctx)
	switch {
	case err != nil:
		return 0, err
	case id != s.chainID:
		return 0, &IdentityError{fmt.Sprintf("has chain id %d, the configuration says %d", id, s.chainID)}
	}
	if s.latest == 0 {
		latest, _, err := s.Node.Head(ctx, false)
		if err != nil {
			return 0, err
		}
		has, err := n.Code(ctx, s.address, latest.Number)
		switch {
		case err != nil:
			return 0, err
		case !has:
			return 0, errNoCode
		}
		s.latest, s.hi = latest.Number, latest.Number
	}
	for s.lo < s.hi {
		mid := s.lo + (s.hi-s.lo)/2
		has, err := n.Code(ctx, s.address, mid)
		if err != nil {
			return 0, err
		}
		s.tries = 0
		if has {
			s.hi = mid
		} else {
			s.lo = mid + 1
		}
	}
	if s.latest-s.hi < reorgMargin {
		// Another branch may have created it earlier. Lower is never wrong.
		return s.hi - min(s.hi, reorgMargin), nil
	}
	return s.hi, nil
}
