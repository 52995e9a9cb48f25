package casper

import "encoding/json"

// index finds events by what they are about.
type index struct {
	tip        tip
	heights    map[uint64]string  // height -> block hash
	blocks     map[string]place   // block hash -> BlockAdded
	accepted   map[string]place   // deploy or transaction hash -> its acceptance
	processed  map[string]place   // … -> its execution
	signatures map[string][]place // block hash -> its finality signatures
}

func newIndex() index {
	return index{
		heights: map[uint64]string{}, blocks: map[string]place{}, accepted: map[string]place{},
		processed: map[string]place{}, signatures: map[string][]place{},
	}
}

// add looks into an event. Recordings hold many shapes; what is not understood
// is not found over JSON-RPC, and still sent.
func (x *index) add(kind string, raw json.RawMessage, at place) {
	switch kind {
	case "BlockAdded":
		b, ok := readBlock(raw)
		if !ok {
			return
		}
		x.blocks[b.hash] = at
		x.heights[b.height] = b.hash
		if !x.tip.exists || b.height >= x.tip.height {
			if !b.ends {
				b.switchHash = x.tip.switchHash
			}
			x.tip = b
		}
	case "DeployAccepted", "TransactionAccepted", "DeployProcessed", "TransactionProcessed":
		hash, processed := readDeployHash(raw)
		switch {
		case hash == "":
		case processed:
			x.processed[hash] = at
		default:
			x.accepted[hash] = at
		}
	case "FinalitySignature":
		var s struct {
			FinalitySignature struct {
				BlockHash string `json:"block_hash"`
				V1, V2    struct {
					BlockHash string `json:"block_hash"`
				}
			}
		}
		if json.Unmarshal(raw, &s) == nil {
			f := s.FinalitySignature
			hash := f.BlockHash + f.V1.BlockHash + f.V2.BlockHash // one of them
			x.signatures[hash] = append(x.signatures[hash], at)
		}
	}
}

func readBlock(raw json.RawMessage) (tip, bool) {
	type block struct {
		Header struct {
			Height uint64 `json:"height"`
			EraID  uint64 `json:"era_id"`
			EraEnd any    `json:"era_end"`
		} `json:"header"`
	}
	var e struct {
		BlockAdded struct {
			BlockHash string `json:"block_hash"`
			Block     struct {
				block
				Version1, Version2 *block
			} `json:"block"`
		}
	}
	if json.Unmarshal(raw, &e) != nil || e.BlockAdded.BlockHash == "" {
		return tip{}, false
	}
	b := e.BlockAdded.Block.block
	for _, versioned := range []*block{e.BlockAdded.Block.Version1, e.BlockAdded.Block.Version2} {
		if versioned != nil {
			b = *versioned
		}
	}
	t := tip{hash: e.BlockAdded.BlockHash, height: b.Header.Height, era: b.Header.EraID, exists: true, ends: b.Header.EraEnd != nil}
	if t.ends {
		t.switchHash = t.hash
	}
	return t, true
}

func readDeployHash(raw json.RawMessage) (hash string, processed bool) {
	type hashed struct{ Hash string }
	var e struct {
		DeployAccepted      hashed
		TransactionAccepted struct{ Deploy, Version1 hashed }
		DeployProcessed     struct {
			Hash string `json:"deploy_hash"`
		}
		TransactionProcessed struct {
			Hash struct{ Deploy, Version1 string } `json:"transaction_hash"`
		}
	}
	if json.Unmarshal(raw, &e) != nil {
		return "", false
	}
	executed := e.DeployProcessed.Hash + e.TransactionProcessed.Hash.Deploy + e.TransactionProcessed.Hash.Version1
	if executed != "" {
		return executed, true
	}
	return e.DeployAccepted.Hash + e.TransactionAccepted.Deploy.Hash + e.TransactionAccepted.Version1.Hash, false
}
