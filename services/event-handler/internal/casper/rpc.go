package casper

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// fetched is a block with all that can be had of it over JSON-RPC, in the shape
// of the node's own events.
type fetched struct {
	block      Event
	outcomes   []Event // one of each deploy and transaction, in the block's order
	signatures []Event // finality signatures: the proofs of the answer
}

// events lists all of the block, which comes last: after a crash the block says
// that this height is stored.
func (f *fetched) events() []Event {
	return slices.Concat(f.outcomes, f.signatures, []Event{f.block})
}

// byHeight and latest are block identifiers of chain_get_block.
func byHeight(height uint64) map[string]any {
	return map[string]any{"block_identifier": map[string]any{"Height": height}}
}

// fetchBlock asks for the block at a height and makes its BlockAdded and the
// FinalitySignatures. Source: chain_get_block of casper-node 1.x (block, with
// its proofs inside) and 2.x (block_with_signatures).
func fetchBlock(ctx context.Context, c *jsonrpc.Client, height uint64) (fetched, error) {
	f, err := askBlock(ctx, c, byHeight(height))
	if err == nil && f.block.Block.Height != height {
		err = fmt.Errorf("%s answered chain_get_block for height %d with another block", c.Name(), height)
	}
	return f, err
}

// fetchTip asks for the newest block that the node has.
func fetchTip(ctx context.Context, c *jsonrpc.Client) (fetched, error) {
	return askBlock(ctx, c, nil)
}

type proof struct {
	PublicKey string `json:"public_key"`
	Signature string `json:"signature"`
}

func askBlock(ctx context.Context, c *jsonrpc.Client, params any) (f fetched, err error) {
	var res struct {
		Block json.RawMessage `json:"block"`
		With  struct {
			Block  json.RawMessage `json:"block"`
			Proofs []proof         `json:"proofs"`
		} `json:"block_with_signatures"`
	}
	if err := c.Call(ctx, &res, "chain_get_block", params); err != nil {
		return f, err
	}
	raw, old := res.Block, true
	if len(raw) == 0 || string(raw) == "null" {
		raw, old = res.With.Block, false
	}
	var wrapped struct{ Version1, Version2 json.RawMessage }
	inner := raw
	if err := json.Unmarshal(raw, &wrapped); err != nil {
		return f, fmt.Errorf("%s answered chain_get_block without a block", c.Name())
	}
	for _, w := range []json.RawMessage{wrapped.Version1, wrapped.Version2} {
		if len(w) > 0 {
			inner = w
		}
	}
	var block struct {
		Hash   string `json:"hash"`
		Header struct {
			Era json.Number `json:"era_id"`
		} `json:"header"`
		Proofs []proof `json:"proofs"`
	}
	if err := json.Unmarshal(inner, &block); err != nil {
		return f, fmt.Errorf("%s answered a block of another shape: %w", c.Name(), err)
	}
	f.block = Read(fmt.Appendf(nil, `{"BlockAdded":{"block_hash":%q,"block":%s}}`, block.Hash, raw))
	if f.block.Block == nil {
		return f, fmt.Errorf("%s answered a block of another shape", c.Name())
	}
	for _, p := range append(block.Proofs, res.With.Proofs...) {
		// The height and the chain's hash that a 2.x signature carries are not in the
		// proof; its first version had neither.
		sig := fmt.Appendf(nil, `{"block_hash":%q,"era_id":%s,"signature":%q,"public_key":%q}`, block.Hash, orNull(json.RawMessage(block.Header.Era)), p.Signature, p.PublicKey)
		if !old {
			sig = fmt.Appendf(nil, `{"V1":%s}`, sig)
		}
		e := Read(fmt.Appendf(nil, `{"FinalitySignature":%s}`, sig))
		if e.Kind != "FinalitySignature" {
			return f, fmt.Errorf("%s answered block %d with a proof of another shape", c.Name(), f.block.Block.Height)
		}
		f.signatures = append(f.signatures, e)
	}
	return f, nil
}

// fetchProcessed asks for a deploy's or transaction's outcome and makes the
// event that the node sent when it was processed.
func fetchProcessed(ctx context.Context, c *jsonrpc.Client, h txHash) (Event, error) {
	raw, err := []byte(nil), error(nil)
	if h.legacy {
		raw, err = deployProcessed(ctx, c, h.Deploy)
	} else {
		raw, err = transactionProcessed(ctx, c, h)
	}
	if err != nil {
		return Event{}, err
	}
	if len(raw) > maxEvent {
		return Event{}, fmt.Errorf("%s: the outcome of %s%s has %d bytes, more than a message may hold", c.Name(), h.Deploy, h.Version1, len(raw))
	}
	e := Read(raw)
	if e.Kind == KindMalformed {
		return Event{}, fmt.Errorf("%s answered about %s%s with another shape", c.Name(), h.Deploy, h.Version1)
	}
	return e, nil
}

// deployProcessed: source info_get_deploy of casper-node 1.x.
func deployProcessed(ctx context.Context, c *jsonrpc.Client, hash string) ([]byte, error) {
	var res struct {
		Deploy struct {
			Header struct {
				Account      json.RawMessage `json:"account"`
				Timestamp    json.RawMessage `json:"timestamp"`
				TTL          json.RawMessage `json:"ttl"`
				Dependencies json.RawMessage `json:"dependencies"`
			} `json:"header"`
		} `json:"deploy"`
		Results []struct {
			BlockHash json.RawMessage `json:"block_hash"`
			Result    json.RawMessage `json:"result"`
		} `json:"execution_results"`
		Info *struct {
			BlockHash json.RawMessage `json:"block_hash"`
			Result    json.RawMessage `json:"execution_result"`
		} `json:"execution_info"`
	}
	if err := c.Call(ctx, &res, "info_get_deploy", map[string]any{"deploy_hash": hash}); err != nil {
		return nil, err
	}
	var block, result json.RawMessage
	switch {
	case len(res.Results) > 0:
		block, result = res.Results[0].BlockHash, res.Results[0].Result
	case res.Info != nil:
		block, result = res.Info.BlockHash, res.Info.Result
		var wrapped struct{ Version1 json.RawMessage } // as 2.x tells what 1.x told bare
		if json.Unmarshal(result, &wrapped) == nil && len(wrapped.Version1) > 0 {
			result = wrapped.Version1
		}
	default:
		return nil, fmt.Errorf("%s has no execution result of deploy %s", c.Name(), hash)
	}
	h := res.Deploy.Header
	return fmt.Appendf(nil, `{"DeployProcessed":{"deploy_hash":%q,"account":%s,"timestamp":%s,"ttl":%s,"dependencies":%s,"block_hash":%s,"execution_result":%s}}`,
		hash, orNull(h.Account), orNull(h.Timestamp), orNull(h.TTL), orNull(h.Dependencies), orNull(block), orNull(result)), nil
}

// transactionProcessed: source info_get_transaction of casper-node 2.x. The
// answer does not hold what contracts emitted, so the event has no messages:
// they are unknown, not none, and a node that streams the event may tell them.
func transactionProcessed(ctx context.Context, c *jsonrpc.Client, h txHash) ([]byte, error) {
	type payload struct {
		Initiator json.RawMessage `json:"initiator_addr"`
		Timestamp json.RawMessage `json:"timestamp"`
		TTL       json.RawMessage `json:"ttl"`
	}
	var res struct {
		Transaction struct {
			Version1 struct {
				Payload payload `json:"payload"`
			}
			Deploy struct {
				Header struct {
					Account   json.RawMessage `json:"account"`
					Timestamp json.RawMessage `json:"timestamp"`
					TTL       json.RawMessage `json:"ttl"`
				} `json:"header"`
			}
		} `json:"transaction"`
		Info *struct {
			BlockHash json.RawMessage `json:"block_hash"`
			Result    json.RawMessage `json:"execution_result"`
		} `json:"execution_info"`
	}
	if err := c.Call(ctx, &res, "info_get_transaction", map[string]any{"transaction_hash": h}); err != nil {
		return nil, err
	}
	if res.Info == nil {
		return nil, fmt.Errorf("%s has no execution result of transaction %s%s", c.Name(), h.Deploy, h.Version1)
	}
	p := res.Transaction.Version1.Payload
	if d := res.Transaction.Deploy.Header; len(d.Account) > 0 {
		p = payload{Initiator: fmt.Appendf(nil, `{"PublicKey":%s}`, d.Account), Timestamp: d.Timestamp, TTL: d.TTL}
	}
	name, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, `{"TransactionProcessed":{"transaction_hash":%s,"initiator_addr":%s,"timestamp":%s,"ttl":%s,"block_hash":%s,"execution_result":%s}}`,
		name, orNull(p.Initiator), orNull(p.Timestamp), orNull(p.TTL), orNull(res.Info.BlockHash), orNull(res.Info.Result)), nil
}

func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}
