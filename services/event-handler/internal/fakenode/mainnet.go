package fakenode

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"fondaco.dev/services/event-handler/internal/recorded"
)

// Mainnet reads the recorded blocks 17686110..17686132 of Ethereum mainnet and
// returns them as a chain; the two blocks that stand apart from them are left out.
func Mainnet(t testing.TB) *Chain {
	t.Helper()
	blocks := Recorded(t)
	blocks = slices.DeleteFunc(blocks, func(b *Block) bool { return b.Number() < 17686110 || b.Number() > 17686132 })
	if len(blocks) != 23 {
		t.Fatalf("%d blocks", len(blocks))
	}
	c := FromBlocks(1, blocks)
	genesis := &types.Header{Number: new(big.Int), Difficulty: new(big.Int)}
	c.Genesis = &Block{Header: genesis, Hash: genesis.Hash()}
	return c
}

// Recorded reads all blocks of the recording, by height.
func Recorded(t testing.TB) []*Block {
	t.Helper()
	files, err := untar(recorded.Read(t, "evm", "mainnet-17686110.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []*Block
	for name, data := range files {
		number, isBlock := strings.CutSuffix(name, ".block.json")
		if !isBlock {
			continue
		}
		b, err := readBlock(data, files[number+".receipts.json"])
		if err != nil {
			t.Fatalf("block %s: %v", number, err)
		}
		blocks = append(blocks, b)
	}
	slices.SortFunc(blocks, func(a, b *Block) int { return int(a.Number()) - int(b.Number()) })
	return blocks
}

// ReceiptsJSON is the block's receipts as eth_getBlockReceipts gives them.
func (b *Block) ReceiptsJSON() json.RawMessage { return encode(b.receipts()) }

// LogsJSON is the block's logs as eth_getLogs gives them.
func (b *Block) LogsJSON() json.RawMessage { return encode(b.Logs) }

func untar(data []byte) (map[string][]byte, error) {
	zr, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if files[path.Base(h.Name)], err = io.ReadAll(tr); err != nil {
			return nil, err
		}
	}
}

func readBlock(block, receipts []byte) (*Block, error) {
	b := &Block{JSON: block, Header: new(types.Header)}
	if err := b.Header.UnmarshalJSON(block); err != nil {
		return nil, err
	}
	var top struct {
		Hash common.Hash   `json:"hash"`
		Txs  []common.Hash `json:"transactions"`
	}
	if err := json.Unmarshal(block, &top); err != nil {
		return nil, err
	}
	b.Hash, b.Txs = top.Hash, top.Txs
	if err := json.Unmarshal(receipts, &b.Receipts); err != nil {
		return nil, err
	}
	for _, r := range b.Receipts {
		b.Logs = append(b.Logs, r.Logs...)
	}
	b.receiptsJSON = receipts
	if b.Header.Hash() != b.Hash {
		return nil, fmt.Errorf("header hashes to %s, not %s", b.Header.Hash(), b.Hash)
	}
	return b, nil
}
