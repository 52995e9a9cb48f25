package casper

import (
	"encoding/json"
	"fmt"
	"strings"
)

type wireProcessed struct {
	DeployHash      string          `json:"deploy_hash"`      // 1.x
	TransactionHash *txHash         `json:"transaction_hash"` // 2.x
	Account         string          `json:"account"`
	Initiator       initiator       `json:"initiator_addr"`
	Timestamp       string          `json:"timestamp"`
	BlockHash       string          `json:"block_hash"`
	Result          json.RawMessage `json:"execution_result"`
}

func parseProcessed(body json.RawMessage) (*Deploy, []Transfer, error) {
	var w wireProcessed
	if err := json.Unmarshal(body, &w); err != nil {
		return nil, nil, err
	}
	d := &Deploy{State: StateProcessed, Transfers: []string{}}
	hash, account := w.DeployHash, w.Account
	if w.TransactionHash != nil {
		hash, d.Version, account = w.TransactionHash.bare, w.TransactionHash.version, w.Initiator.PublicKey
	}
	if err := d.fill(hash, account, w.Initiator.AccountHash, w.Timestamp); err != nil {
		return nil, nil, err
	}
	block, err := readHash("block_hash", w.BlockHash)
	if err != nil {
		return nil, nil, err
	}
	d.BlockHash = &block

	var versions map[string]json.RawMessage
	if err := json.Unmarshal(w.Result, &versions); err != nil {
		return nil, nil, fmt.Errorf("execution_result: %w", err)
	}
	var transfers []Transfer
	if v2, ok := versions["Version2"]; ok {
		transfers, err = d.resultV2(v2)
	} else {
		transfers, err = d.resultV1(unwrap(w.Result, "Version1"))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("execution_result: %w", err)
	}
	for i := range transfers {
		t := &transfers[i]
		t.DeployHash, t.BlockHash, t.Timestamp, t.TimestampMs = d.Hash, block, d.Timestamp, d.TimestampMs
	}
	return d, transfers, nil
}

type wireTransfer struct {
	From   json.RawMessage `json:"from"` // account hash on 1.x, initiator on 2.x
	To     *string         `json:"to"`
	Source string          `json:"source"`
	Target string          `json:"target"`
	Amount string          `json:"amount"`
	Gas    string          `json:"gas"`
	ID     *json.Number    `json:"id"`
}

// resultV1 reads {"Success": …} or {"Failure": …}. The list of transfers holds
// addresses only; what they moved is in the effect's WriteTransfer transforms.
func (d *Deploy) resultV1(raw json.RawMessage) ([]Transfer, error) {
	type outcome struct {
		Cost         string   `json:"cost"`
		ErrorMessage *string  `json:"error_message"`
		Transfers    []string `json:"transfers"`
		Effect       struct {
			Transforms []struct {
				Key       string          `json:"key"`
				Transform json.RawMessage `json:"transform"`
			} `json:"transforms"`
		} `json:"effect"`
	}
	var w struct{ Success, Failure *outcome }
	if err := json.Unmarshal(raw, &w); err != nil {
		return nil, err
	}
	o := w.Success
	if o == nil {
		o = w.Failure
	}
	if o == nil {
		return nil, fmt.Errorf("neither Success nor Failure")
	}
	if err := d.outcome(o.Cost, o.ErrorMessage); err != nil {
		return nil, err
	}
	written := map[string]wireTransfer{}
	for _, t := range o.Effect.Transforms {
		if !strings.HasPrefix(t.Key, "transfer-") {
			continue
		}
		var w struct{ WriteTransfer *wireTransfer }
		if json.Unmarshal(t.Transform, &w) == nil && w.WriteTransfer != nil {
			written[t.Key] = *w.WriteTransfer
		}
	}
	var out []Transfer
	for i, address := range o.Transfers {
		if bare, ok := strings.CutPrefix(address, "transfer-"); !ok || len(bare) != 64 || !isHex(bare) {
			return nil, fmt.Errorf("transfer address %q is malformed", clip(address))
		}
		d.Transfers = append(d.Transfers, address)
		// A result without the record (a failed deploy, a trimmed recording)
		// names a transfer of which nothing else is known.
		if w, ok := written[address]; ok {
			t, err := w.read(i, address)
			if err != nil {
				return nil, err
			}
			out = append(out, t)
		}
	}
	return out, nil
}

func (d *Deploy) resultV2(raw json.RawMessage) ([]Transfer, error) {
	var w struct {
		ErrorMessage *string                   `json:"error_message"`
		Cost         string                    `json:"cost"`
		Transfers    []map[string]wireTransfer `json:"transfers"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return nil, err
	}
	if err := d.outcome(w.Cost, w.ErrorMessage); err != nil {
		return nil, err
	}
	var out []Transfer
	for i, versions := range w.Transfers {
		wt, ok := versions["Version2"]
		if !ok {
			wt, ok = versions["Version1"]
		}
		if !ok {
			return nil, fmt.Errorf("transfer %d is of no known version", i)
		}
		t, err := wt.read(i, "")
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

func (d *Deploy) outcome(cost string, message *string) error {
	c, err := readDecimal("cost", cost)
	if err != nil {
		return err
	}
	d.Cost = &c
	if message != nil {
		m := clean(*message)
		d.ErrorMessage = &m
	}
	return nil
}

func (w wireTransfer) read(index int, address string) (Transfer, error) {
	t := Transfer{Index: index, Address: address, Source: clean(w.Source), Target: clean(w.Target)}
	var err error
	var bare string
	if json.Unmarshal(w.From, &bare) == nil {
		t.From, err = readAccountHash("from", bare)
	} else {
		var from initiator
		if err := json.Unmarshal(w.From, &from); err != nil {
			return t, fmt.Errorf("from: %w", err)
		}
		if from.AccountHash != "" {
			t.From, err = readAccountHash("from", from.AccountHash)
		} else {
			t.From, err = AccountHash(from.PublicKey)
		}
	}
	if err != nil {
		return t, err
	}
	if w.To != nil {
		to, err := readAccountHash("to", *w.To)
		if err != nil {
			return t, err
		}
		t.To = &to
	}
	if t.Amount, err = readDecimal("amount", w.Amount); err != nil {
		return t, err
	}
	if t.Gas, err = readDecimal("gas", w.Gas); err != nil {
		return t, err
	}
	if w.ID != nil {
		id, err := readDecimal("id", w.ID.String())
		if err != nil {
			return t, err
		}
		t.ID = &id
	}
	return t, nil
}
