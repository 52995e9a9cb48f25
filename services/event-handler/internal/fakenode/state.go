package fakenode

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// Code says from which height on an address has code.
type Code map[common.Address]uint64

// state answers questions about the state of a block: eth_getCode and eth_call.
func (s *Server) state(c call) (any, *rpcError) {
	if len(c.Params) != 2 {
		return nil, &rpcError{Code: -32602, Message: "bad params"}
	}
	var msg struct {
		To   common.Address `json:"to"`
		Data hexutil.Bytes  `json:"data"`
	}
	if c.Method == "eth_getCode" {
		if json.Unmarshal(c.Params[0], &msg.To) != nil {
			return nil, &rpcError{Code: -32602, Message: "bad address"}
		}
	} else if json.Unmarshal(c.Params[0], &msg) != nil {
		return nil, &rpcError{Code: -32602, Message: "bad call"}
	}
	b, failed := s.stateOf(c.Params[1])
	if b == nil {
		return nil, failed
	}
	if b.Number() < s.PrunedBelow {
		if s.EmptyBelow {
			return "0x", nil
		}
		return nil, &rpcError{Code: -32000, Message: "missing trie node 2b3c (path ) state 0x2b3c is not available"}
	}
	if c.Method == "eth_getCode" {
		if from, ok := s.Code[msg.To]; ok && b.Number() >= from {
			return "0x60806040", nil
		}
		return "0x", nil
	}
	if s.Call == nil {
		return "0x", nil
	}
	out, revert := s.Call(b, msg.To, msg.Data)
	if revert != "" {
		return nil, &rpcError{Code: 3, Message: "execution reverted: " + revert, Data: hexutil.Encode(out)}
	}
	return hexutil.Encode(out), nil
}

// stateOf finds the block of a state: by height, tag "latest", or EIP-1898 hash.
func (s *Server) stateOf(param json.RawMessage) (*Block, *rpcError) {
	ch := s.Chain
	ch.mu.Lock()
	defer ch.mu.Unlock()
	var by struct {
		Hash *common.Hash `json:"blockHash"`
	}
	if json.Unmarshal(param, &by) == nil && by.Hash != nil {
		if b := ch.byHash[*by.Hash]; b != nil {
			return b, nil
		}
		return nil, &rpcError{Code: -32000, Message: "header for hash not found"}
	}
	var at string
	if json.Unmarshal(param, &at) != nil {
		return nil, &rpcError{Code: -32602, Message: "bad block"}
	}
	if at == "latest" {
		return ch.blocks[len(ch.blocks)-1], nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(at, "0x"), 16, 64)
	if err != nil {
		return nil, &rpcError{Code: -32602, Message: fmt.Sprintf("bad height %s", at)}
	}
	if b := ch.at(n); b != nil {
		return b, nil
	}
	return nil, &rpcError{Code: -32000, Message: "header not found"}
}

// ByHash returns a block of whatever branch, nil when there is none.
func (c *Chain) ByHash(hash common.Hash) *Block {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byHash[hash]
}
