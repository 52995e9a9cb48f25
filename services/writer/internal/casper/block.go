package casper

import (
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strconv"
)

type wireBlock struct {
	Header struct {
		ParentHash    string      `json:"parent_hash"`
		StateRootHash string      `json:"state_root_hash"`
		Timestamp     string      `json:"timestamp"`
		EraID         json.Number `json:"era_id"`
		Height        uint64      `json:"height"`
		Proposer      string      `json:"proposer"`
	} `json:"header"`
	Body struct {
		Proposer       string   `json:"proposer"`
		DeployHashes   []string `json:"deploy_hashes"`
		TransferHashes []string `json:"transfer_hashes"`
		// 2.0: lane number to hashes.
		Transactions map[string][]txHash `json:"transactions"`
		// Release candidates of 2.0 had a field for each lane.
		Mint           []txHash `json:"mint"`
		Auction        []txHash `json:"auction"`
		InstallUpgrade []txHash `json:"install_upgrade"`
		Standard       []txHash `json:"standard"`
	} `json:"body"`
}

func parseBlock(body json.RawMessage) (*Block, error) {
	var e struct {
		BlockHash string          `json:"block_hash"`
		Block     json.RawMessage `json:"block"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, err
	}
	var w wireBlock
	if err := json.Unmarshal(unwrap(e.Block, "Version2", "Version1"), &w); err != nil {
		return nil, err
	}
	out := &Block{Height: w.Header.Height, Timestamp: w.Header.Timestamp}
	var err error
	// block_hash is the fact's key; the inner hash repeats it.
	if out.Hash, err = readHash("block_hash", e.BlockHash); err != nil {
		return nil, err
	}
	if out.Height > math.MaxInt64 {
		return nil, fmt.Errorf("height %d is not a height", out.Height)
	}
	if out.ParentHash, err = readHash("parent_hash", w.Header.ParentHash); err != nil {
		return nil, err
	}
	if out.StateRootHash, err = readHash("state_root_hash", w.Header.StateRootHash); err != nil {
		return nil, err
	}
	if out.TimestampMs, err = readTime("timestamp", w.Header.Timestamp); err != nil {
		return nil, err
	}
	if out.EraID, err = readDecimal("era_id", w.Header.EraID.String()); err != nil {
		return nil, err
	}
	proposer := w.Header.Proposer
	if proposer == "" {
		proposer = w.Body.Proposer
	}
	if out.Proposer, err = readKey("proposer", proposer); err != nil {
		return nil, err
	}
	out.Deploys, err = w.deploys()
	return out, err
}

func (w *wireBlock) deploys() ([]string, error) {
	out := []string{}
	for _, list := range [][]string{w.Body.DeployHashes, w.Body.TransferHashes} {
		for _, h := range list {
			hash, err := readHash("deploy hash", h)
			if err != nil {
				return nil, err
			}
			out = append(out, hash)
		}
	}
	lanes := make([]int, 0, len(w.Body.Transactions))
	for name := range w.Body.Transactions {
		lane, err := strconv.Atoi(name)
		if err != nil {
			return nil, fmt.Errorf("transaction lane %q is not a number", clip(name))
		}
		lanes = append(lanes, lane)
	}
	sort.Ints(lanes)
	lists := [][]txHash{w.Body.Mint, w.Body.Auction, w.Body.InstallUpgrade, w.Body.Standard}
	for _, lane := range lanes {
		lists = append(lists, w.Body.Transactions[strconv.Itoa(lane)])
	}
	for _, list := range lists {
		for _, t := range list {
			hash, _, err := t.read()
			if err != nil {
				return nil, err
			}
			out = append(out, hash)
		}
	}
	return out, nil
}

// txHash is a transaction's hash on 2.x: {"Deploy": hash} or {"Version1":
// hash}; release candidates wrapped it once more or wrote it bare.
type txHash struct {
	bare    string
	version string
}

func (t *txHash) UnmarshalJSON(raw []byte) error {
	if json.Unmarshal(raw, &t.bare) == nil {
		return nil
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return err
	}
	for _, version := range []string{"Deploy", "Version1"} {
		inner, ok := m[version]
		if !ok {
			continue
		}
		t.version = version
		if json.Unmarshal(inner, &t.bare) == nil {
			return nil
		}
		var wrapped struct {
			Hash string `json:"hash"`
		}
		err := json.Unmarshal(inner, &wrapped)
		t.bare = wrapped.Hash
		return err
	}
	return fmt.Errorf("transaction hash is of no known version")
}

func (t txHash) read() (hash, version string, err error) {
	hash, err = readHash("transaction hash", t.bare)
	return hash, t.version, err
}
