package casper

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// rpcError is a refusal; the codes are the node's own.
type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

func (e *rpcError) Error() string { return e.Message }

const (
	codeNoSuchDeploy = -32000
	codeNoSuchBlock  = -32001
)

// serveRPC is the node's JSON-RPC server at /rpc.
func (n *Node) serveRPC(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/rpc" || r.Method != http.MethodPost {
		refuse(w, http.StatusNotFound, "invalid path: expected '/rpc'\n")
		return
	}
	var request struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Method  string          `json:"method"`
		Params  json.RawMessage `json:"params"`
	}
	answer := map[string]any{"jsonrpc": "2.0", "id": nil}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&request)
	var result any
	switch {
	case err != nil:
		err = &rpcError{-32700, "Parse error", err.Error()}
	case request.Version != "2.0":
		err = &rpcError{-32600, "Invalid Request", "Expected 'jsonrpc' to be '2.0'"}
	default:
		answer["id"] = request.ID
		result, err = n.call(request.Method, request.Params)
	}
	if err == nil {
		answer["result"] = result
	} else {
		var refused *rpcError
		if !errors.As(err, &refused) {
			refused = &rpcError{-32603, "Internal error", err.Error()}
		}
		answer["error"] = refused
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(encode(answer)) // a client that went away is its own problem
}

func (n *Node) call(method string, params json.RawMessage) (any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch method {
	case "info_get_status":
		return n.status()
	case "chain_get_block":
		return n.getBlock(params)
	case "chain_get_block_transfers":
		return n.getTransfers(params)
	case "info_get_deploy":
		return n.getDeploy(params)
	case "info_get_transaction":
		if n.cfg.v2() {
			return n.getTransaction(params)
		}
	}
	return nil, &rpcError{-32601, "Method not found", fmt.Sprintf("'%s' is not a supported json-rpc method on this server", method)}
}

func (n *Node) status() (any, error) {
	t := n.index.tip
	status := map[string]any{
		"peers":                    []any{map[string]string{"node_id": "tls:0101..0101", "address": "127.0.0.1:34553"}},
		"api_version":              n.apiVersion(),
		"build_version":            n.apiVersion() + "-fondaco-devnet",
		"chainspec_name":           n.cfg.ChainName,
		"starting_state_root_hash": digest(n.maker.seed, "state", 0, noHash),
		"our_public_signing_key":   n.maker.validators[0].public,
		"last_added_block_info":    nil,
		"round_length":             "16s 384ms",
		"next_upgrade":             nil,
		"uptime":                   n.cfg.Clock().Sub(n.began).Round(time.Millisecond).String(),
		"reactor_state":            "Validate",
		"last_progress":            stamp(n.began),
		"available_block_range":    map[string]uint64{"low": 0, "high": t.height},
		"block_sync":               map[string]any{"historical": nil, "forward": nil},
	}
	if n.cfg.v2() {
		status["protocol_version"] = n.apiVersion()
		status["latest_switch_block_hash"] = t.switchHash
	}
	if !t.exists {
		return status, nil
	}
	e, err := n.store.event(n.index.blocks[t.hash])
	if err != nil {
		return nil, err
	}
	b, err := splitBlock(e.Raw)
	if err != nil {
		return nil, err
	}
	proposer := b.Body.Proposer
	if proposer == "" {
		proposer = b.Header.Proposer
	}
	status["last_added_block_info"] = map[string]any{
		"hash": t.hash, "timestamp": b.Header.Timestamp, "era_id": t.era, "height": t.height,
		"state_root_hash": b.Header.StateRootHash, "creator": proposer,
	}
	return status, nil
}

func (n *Node) getBlock(params json.RawMessage) (any, error) {
	hash, block, err := n.find(params)
	if err != nil {
		return nil, err
	}
	proofs := []proof{}
	for _, at := range n.index.signatures[hash] {
		e, err := n.store.event(at)
		if err != nil {
			return nil, err
		}
		var s struct {
			FinalitySignature struct {
				proof
				V1, V2 *proof
			}
		}
		if err := json.Unmarshal(e.Raw, &s); err != nil {
			return nil, err
		}
		p := s.FinalitySignature.proof
		for _, versioned := range []*proof{s.FinalitySignature.V1, s.FinalitySignature.V2} {
			if versioned != nil {
				p = *versioned
			}
		}
		proofs = append(proofs, p)
	}
	if n.cfg.v2() {
		return map[string]any{
			"api_version":           n.apiVersion(),
			"block_with_signatures": map[string]any{"block": block.raw, "proofs": proofs},
		}, nil
	}
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(block.raw, &whole); err != nil {
		return nil, err
	}
	whole["proofs"] = encode(proofs)
	return map[string]any{"api_version": n.apiVersion(), "block": whole}, nil
}

func (n *Node) getTransfers(params json.RawMessage) (any, error) {
	hash, block, err := n.find(params)
	if err != nil {
		return nil, err
	}
	hashes := block.Body.TransferHashes
	for _, lane := range []string{"0", "1", "2", "3", "4", "5"} {
		for _, tx := range block.Body.Transactions[lane] {
			for _, h := range tx {
				hashes = append(hashes, h)
			}
		}
	}
	transfers := []json.RawMessage{}
	for _, h := range hashes {
		found, err := n.transfersOf(h)
		if err != nil {
			return nil, err
		}
		transfers = append(transfers, found...)
	}
	return map[string]any{"api_version": n.apiVersion(), "block_hash": hash, "transfers": transfers}, nil
}

func (n *Node) getDeploy(params json.RawMessage) (any, error) {
	hash, err := hashParam(params, func(p json.RawMessage) (string, error) {
		var named struct {
			Hash string `json:"deploy_hash"`
		}
		return named.Hash, json.Unmarshal(p, &named)
	})
	if err != nil {
		return nil, err
	}
	e, err := n.acceptance(hash)
	if err != nil {
		return nil, err
	}
	var a struct {
		DeployAccepted      json.RawMessage
		TransactionAccepted struct{ Deploy json.RawMessage }
	}
	if err := json.Unmarshal(e.Raw, &a); err != nil {
		return nil, err
	}
	body := a.DeployAccepted
	if body == nil {
		body = a.TransactionAccepted.Deploy
	}
	if body == nil {
		return nil, noSuchDeploy(hash) // a Version1 transaction
	}
	answer := map[string]any{"api_version": n.apiVersion(), "deploy": body}
	return answer, n.addExecution(answer, hash)
}

func (n *Node) getTransaction(params json.RawMessage) (any, error) {
	hash, err := hashParam(params, func(p json.RawMessage) (string, error) {
		var named struct {
			Hash struct{ Deploy, Version1 string } `json:"transaction_hash"`
		}
		err := json.Unmarshal(p, &named)
		return named.Hash.Deploy + named.Hash.Version1, err
	})
	if err != nil {
		return nil, err
	}
	e, err := n.acceptance(hash)
	if err != nil {
		return nil, err
	}
	var a struct{ TransactionAccepted json.RawMessage }
	if err := json.Unmarshal(e.Raw, &a); err != nil {
		return nil, err
	}
	answer := map[string]any{"api_version": n.apiVersion(), "transaction": a.TransactionAccepted}
	return answer, n.addExecution(answer, hash)
}
