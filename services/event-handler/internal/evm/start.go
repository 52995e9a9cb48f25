package evm

import (
	"context"
	"errors"
	"fmt"
	"strings"

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
		return false, fmt.Errorf("%w: %s answered null for the code at block %d", ErrNoState, n.client.Name(), number)
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

// FindStart returns the block in which address got its code. Each endpoint that
// keeps old state is asked, and the lowest answer is taken: an endpoint that
// answers "no code" where it has no state would otherwise hide the first events.
// It costs some twenty-five calls an endpoint. What a contract did at this address
// before it destroyed itself and was created again is not found: that needs a
// start_block.
func FindStart(ctx context.Context, contract string, address common.Address, chainID uint64, endpoints []Endpoint) (uint64, error) {
	var reasons []string
	best, found := uint64(0), false
	for _, ep := range endpoints {
		at, err := bisect(ctx, ep, address, chainID)
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if err != nil {
			reasons = append(reasons, ep.Name+": "+reason(err, ep.Name))
			continue
		}
		if !found || at < best {
			best, found = at, true
		}
	}
	if !found {
		return 0, &StartError{contract, strings.Join(reasons, "; ") + "; set start_block to a block at or below its first event"}
	}
	return best, nil
}

// reason leaves out the endpoint's name where the error begins with it.
func reason(err error, name string) string { return strings.TrimPrefix(err.Error(), name+" ") }

// errNoCode: the address is nobody's.
var errNoCode = errors.New("the address has no code in the newest block: is it the right one, and on this chain?")

// reorgMargin is below any reorganisation of a chain without finality that was
// seen; nearer to the head a creation is not yet where it will stay.
const reorgMargin = 128

// bisect finds the first block in which address has code, by one endpoint.
func bisect(ctx context.Context, ep Endpoint, address common.Address, chainID uint64) (uint64, error) {
	n, ok := ep.Node.(coder)
	if !ok {
		return 0, ErrNoState
	}
	id, _, err := ep.Node.Identity(ctx)
	switch {
	case err != nil:
		return 0, err
	case id != chainID:
		return 0, fmt.Errorf("has chain id %d, the configuration says %d", id, chainID)
	}
	latest, _, err := ep.Node.Head(ctx, false)
	if err != nil {
		return 0, err
	}
	has, err := n.Code(ctx, address, latest.Number)
	switch {
	case err != nil:
		return 0, err
	case !has:
		return 0, errNoCode
	}
	// lo..hi hold the answer; hi has code.
	lo, hi := uint64(0), latest.Number
	for lo < hi {
		mid := lo + (hi-lo)/2
		if has, err = n.Code(ctx, address, mid); err != nil {
			return 0, err
		}
		if has {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	if latest.Number-hi < reorgMargin {
		// Another branch may have created it earlier. Lower is never wrong.
		hi -= min(hi, reorgMargin)
	}
	return hi, nil
}
