package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// recorded reads a file of the recorded input; without it the test skips by
// name, except under CI=true.
func recorded(t *testing.T, name ...string) []byte {
	t.Helper()
	root := os.Getenv("FONDACO_TESTDATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	data, err := os.ReadFile(filepath.Join(append([]string{root}, name...)...))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the recorded input %s is not there; FONDACO_TESTDATA says where it is", filepath.Join(name...))
		}
		t.Skipf("the recorded input %s is not there (FONDACO_TESTDATA)", filepath.Join(name...))
	}
	return data
}

// recordedNode serves recorded blocks and logs as an EVM node does.
type recordedNode struct {
	blocks  []recordedBlock // ascending, without gaps
	genesis json.RawMessage
	final   uint64
}

type recordedBlock struct {
	number uint64
	hash   common.Hash
	json   json.RawMessage
	logs   []*types.Log
}

// mainnet is a node that holds the 23 linked blocks of the recording.
func mainnet(t *testing.T) *recordedNode {
	t.Helper()
	files := untar(t, recorded(t, "evm", "mainnet-17686110.tgz"))
	node := &recordedNode{final: 17686120}
	for name, data := range files {
		number, isBlock := strings.CutSuffix(name, ".block.json")
		n, err := strconv.ParseUint(number, 10, 64)
		if !isBlock || err != nil || n > 17686132 {
			continue // receipts, and the two blocks that stand apart
		}
		b := recordedBlock{number: n, json: data}
		var top struct{ Hash common.Hash }
		var receipts []struct{ Logs []*types.Log }
		if err := errors.Join(json.Unmarshal(data, &top), json.Unmarshal(files[number+".receipts.json"], &receipts)); err != nil {
			t.Fatalf("block %s: %v", number, err)
		}
		b.hash = top.Hash
		for _, r := range receipts {
			b.logs = append(b.logs, r.Logs...)
		}
		node.blocks = append(node.blocks, b)
	}
	slices.SortFunc(node.blocks, func(a, b recordedBlock) int { return int(a.number) - int(b.number) })
	if len(node.blocks) != 23 {
		t.Fatalf("%d blocks, want 23", len(node.blocks))
	}
	header := &types.Header{Number: new(big.Int), Difficulty: new(big.Int)}
	text, err := header.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	node.genesis = bytes.Replace(text, []byte("{"), []byte(`{"transactions":[],`), 1)
	return node
}

// addresses are those of all logs, ascending.
func (n *recordedNode) addresses() []common.Address {
	var out []common.Address
	for _, b := range n.blocks {
		for _, l := range b.logs {
			out = append(out, l.Address)
		}
	}
	slices.SortFunc(out, common.Address.Cmp)
	return slices.Compact(out)
}

func untar(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	zr, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err == nil && h.Typeflag == tar.TypeReg {
			files[path.Base(h.Name)], err = io.ReadAll(tr)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

type rpcCall struct {
	ID     json.RawMessage
	Method string
	Params []json.RawMessage
}

func (n *recordedNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	answer := func(c rpcCall) any {
		result, err := n.do(c)
		if err != nil {
			return map[string]any{"jsonrpc": "2.0", "id": c.ID, "error": map[string]any{"code": -32602, "message": err.Error()}}
		}
		return map[string]any{"jsonrpc": "2.0", "id": c.ID, "result": result}
	}
	w.Header().Set("Content-Type", "application/json")
	var calls []rpcCall
	if json.Unmarshal(body, &calls) == nil {
		var out []any
		for _, c := range calls {
			out = append(out, answer(c))
		}
		_ = json.NewEncoder(w).Encode(out)
		return
	}
	var c rpcCall
	if err := json.Unmarshal(body, &c); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_ = json.NewEncoder(w).Encode(answer(c))
}

func (n *recordedNode) do(c rpcCall) (any, error) {
	switch c.Method {
	case "eth_chainId":
		return "0x1", nil
	case "eth_getBlockByNumber":
		var at string
		if err := json.Unmarshal(c.Params[0], &at); err != nil {
			return nil, err
		}
		height, err := n.height(at)
		if err != nil {
			return nil, err
		}
		if height == 0 {
			return n.genesis, nil
		}
		for _, b := range n.blocks {
			if b.number == height {
				return b.json, nil
			}
		}
		return nil, nil
	case "eth_getBlockByHash":
		var hash common.Hash
		if err := json.Unmarshal(c.Params[0], &hash); err != nil {
			return nil, err
		}
		for _, b := range n.blocks {
			if b.hash == hash {
				return b.json, nil
			}
		}
		return nil, nil
	case "eth_getLogs":
		return n.logs(c.Params[0])
	}
	return nil, fmt.Errorf("the method %s does not exist/is not available", c.Method)
}

func (n *recordedNode) height(at string) (uint64, error) {
	switch at {
	case "latest":
		return n.blocks[len(n.blocks)-1].number, nil
	case "finalized":
		return n.final, nil
	}
	return strconv.ParseUint(strings.TrimPrefix(at, "0x"), 16, 64)
}

// logs takes no notice of addresses and topics: the test asks for everything.
func (n *recordedNode) logs(param json.RawMessage) (any, error) {
	var f struct {
		FromBlock, ToBlock string
		BlockHash          *common.Hash
	}
	if err := json.Unmarshal(param, &f); err != nil {
		return nil, err
	}
	var from, to uint64
	if f.BlockHash == nil {
		var err1, err2 error
		from, err1 = n.height(f.FromBlock)
		to, err2 = n.height(f.ToBlock)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
	}
	out := []*types.Log{}
	for _, b := range n.blocks {
		if f.BlockHash != nil && b.hash == *f.BlockHash || f.BlockHash == nil && from <= b.number && b.number <= to {
			out = append(out, b.logs...)
		}
	}
	return out, nil
}
