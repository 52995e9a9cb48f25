package casper

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// blockParts is what the answers need of a BlockAdded event of any version.
type blockParts struct {
	raw    json.RawMessage // the block as it is in the event
	Header struct {
		Timestamp     string `json:"timestamp"`
		StateRootHash string `json:"state_root_hash"`
		Proposer      string `json:"proposer"`
		Height        uint64 `json:"height"`
	} `json:"header"`
	Body struct {
		Proposer       string              `json:"proposer"`
		TransferHashes []string            `json:"transfer_hashes"`
		Transactions   map[string][]txHash `json:"transactions"`
	} `json:"body"`
}

func splitBlock(raw json.RawMessage) (blockParts, error) {
	var e struct{ BlockAdded blockAdded }
	var b blockParts
	if err := json.Unmarshal(raw, &e); err != nil {
		return b, err
	}
	b.raw = e.BlockAdded.Block
	inner := b.raw
	var versions map[string]json.RawMessage
	if err := json.Unmarshal(inner, &versions); err != nil {
		return b, err
	}
	for _, name := range []string{"Version1", "Version2"} {
		if v, ok := versions[name]; ok {
			inner = v
		}
	}
	raw, b.raw = b.raw, nil
	err := json.Unmarshal(inner, &b)
	b.raw = raw
	return b, err
}

// find resolves a block_identifier: none = the latest block.
func (n *Node) find(params json.RawMessage) (hash string, block blockParts, err error) {
	type identifier struct {
		Hash   *string
		Height *uint64
	}
	var named struct {
		ID *identifier `json:"block_identifier"`
	}
	if params = bytes.TrimSpace(params); bytes.HasPrefix(params, []byte("[")) {
		var positional []*identifier
		if err := json.Unmarshal(params, &positional); err != nil {
			return "", block, &rpcError{-32602, "Invalid params", err.Error()}
		}
		if len(positional) > 0 {
			named.ID = positional[0]
		}
	} else if len(params) > 0 {
		if err := json.Unmarshal(params, &named); err != nil {
			return "", block, &rpcError{-32602, "Invalid params", err.Error()}
		}
	}
	switch {
	case named.ID == nil:
		hash = n.index.tip.hash
	case named.ID.Hash != nil:
		hash = *named.ID.Hash
	case named.ID.Height != nil:
		hash = n.index.heights[*named.ID.Height]
	}
	at, ok := n.index.blocks[hash]
	if !ok {
		return "", block, &rpcError{codeNoSuchBlock, "No such block", fmt.Sprintf("no block found for the provided identifier %s", params)}
	}
	e, err := n.store.event(at)
	if err != nil {
		return "", block, err
	}
	block, err = splitBlock(e.Raw)
	return hash, block, err
}

// transfersOf takes the transfers out of an execution result: on 1.x they are
// transforms of the state, on 2.x a list of their own.
func (n *Node) transfersOf(hash string) ([]json.RawMessage, error) {
	at, ok := n.index.processed[hash]
	if !ok {
		return nil, nil
	}
	e, err := n.store.event(at)
	if err != nil {
		return nil, err
	}
	var p struct {
		DeployProcessed struct {
			Result struct {
				Success struct {
					Effect struct {
						Transforms []struct{ Transform json.RawMessage }
					}
				}
			} `json:"execution_result"`
		}
		TransactionProcessed struct {
			Result struct {
				Version2 struct{ Transfers []json.RawMessage }
			} `json:"execution_result"`
		}
	}
	if err := json.Unmarshal(e.Raw, &p); err != nil {
		return nil, err
	}
	transfers := p.TransactionProcessed.Result.Version2.Transfers
	for _, t := range p.DeployProcessed.Result.Success.Effect.Transforms {
		var w struct{ WriteTransfer json.RawMessage }
		if json.Unmarshal(t.Transform, &w) == nil && w.WriteTransfer != nil {
			transfers = append(transfers, w.WriteTransfer)
		}
	}
	return transfers, nil
}

// hashParam reads a parameter that is given by name or, as the first of a
// list, by position.
func hashParam(params json.RawMessage, byName func(json.RawMessage) (string, error)) (string, error) {
	var positional []string
	if json.Unmarshal(params, &positional) == nil && len(positional) > 0 {
		return positional[0], nil
	}
	hash, err := byName(params)
	if err != nil || hash == "" {
		return "", &rpcError{-32602, "Invalid params", fmt.Sprintf("no hash in %s", params)}
	}
	return hash, nil
}

func noSuchDeploy(hash string) error {
	return &rpcError{codeNoSuchDeploy, "No such deploy", fmt.Sprintf("deploy %s not known", hash)}
}

// acceptance is the event with which a deploy or transaction became known.
func (n *Node) acceptance(hash string) (eventLine, error) {
	at, ok := n.index.accepted[hash]
	if !ok {
		return eventLine{}, noSuchDeploy(hash)
	}
	return n.store.event(at)
}

// addExecution adds what became of a deploy: on 1.x a list under
// execution_results, on 2.x an object or null under execution_info.
func (n *Node) addExecution(answer map[string]any, hash string) error {
	at, executed := n.index.processed[hash]
	if n.cfg.v2() {
		answer["execution_info"] = nil
	} else {
		answer["execution_results"] = []any{}
	}
	if !executed {
		return nil
	}
	e, err := n.store.event(at)
	if err != nil {
		return err
	}
	var p map[string]struct {
		BlockHash string          `json:"block_hash"`
		Result    json.RawMessage `json:"execution_result"`
	}
	if err := json.Unmarshal(e.Raw, &p); err != nil {
		return err
	}
	done := p[e.Type]
	if !n.cfg.v2() {
		answer["execution_results"] = []any{map[string]any{"block_hash": done.BlockHash, "result": done.Result}}
		return nil
	}
	info := map[string]any{"block_hash": done.BlockHash, "block_height": uint64(0), "execution_result": done.Result}
	if at, ok := n.index.blocks[done.BlockHash]; ok {
		e, err := n.store.event(at)
		if err != nil {
			return err
		}
		block, err := splitBlock(e.Raw)
		if err != nil {
			return err
		}
		info["block_height"] = block.Header.Height
	}
	answer["execution_info"] = info
	return nil
}
