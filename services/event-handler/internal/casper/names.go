package casper

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// txHash names a deploy, or a transaction of 2.x.
type txHash struct {
	Deploy   string `json:"Deploy,omitempty"`
	Version1 string `json:"Version1,omitempty"`
	legacy   bool   // a 1.x deploy: info_get_deploy
}

// hash is the name without its kind, lower case, as keys are.
func (h txHash) hash() string { return strings.ToLower(h.Deploy + h.Version1) }

// UnmarshalJSON reads {"Deploy": hash} or {"Version1": hash}; release candidates
// of 2.0 wrapped the hash once more.
func (h *txHash) UnmarshalJSON(raw []byte) error {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return err
	}
	for name, to := range map[string]*string{"Deploy": &h.Deploy, "Version1": &h.Version1} {
		inner, ok := m[name]
		if !ok || json.Unmarshal(inner, to) == nil {
			continue
		}
		var wrapped struct{ Hash string }
		if err := json.Unmarshal(inner, &wrapped); err != nil {
			return err
		}
		*to = wrapped.Hash
	}
	if h.hash() == "" {
		return fmt.Errorf("a transaction hash of no known version")
	}
	return nil
}

// body is the part of a block that names deploys, in all versions of it.
type body struct {
	Deploys      []string            `json:"deploy_hashes"`
	Transfers    []string            `json:"transfer_hashes"`
	Transactions map[string][]txHash `json:"transactions"` // by lane
	// Release candidates of 2.0 had a field for each lane.
	Mint           []txHash `json:"mint"`
	Auction        []txHash `json:"auction"`
	InstallUpgrade []txHash `json:"install_upgrade"`
	Standard       []txHash `json:"standard"`
}

// names lists what the block holds. The deploys of a Version1 block on a 2.x
// node are of the 1.x times and are asked for as such.
func (b *body) names() []txHash {
	var out []txHash
	for _, h := range slices.Concat(b.Deploys, b.Transfers) {
		out = append(out, txHash{Deploy: h, legacy: true})
	}
	out = slices.Concat(out, b.Mint, b.Auction, b.InstallUpgrade, b.Standard)
	for _, lane := range slices.Sorted(maps.Keys(b.Transactions)) {
		out = append(out, b.Transactions[lane]...)
	}
	return slices.DeleteFunc(out, func(h txHash) bool {
		_, err := join(h.hash())
		return err != nil // of no use for asking
	})
}
