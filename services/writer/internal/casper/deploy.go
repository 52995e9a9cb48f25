package casper

import (
	"encoding/json"
	"fmt"
	"slices"
)

// States of a deploy, in the order in which one replaces another.
const (
	StateAccepted  = "accepted"
	StateExpired   = "expired"
	StateProcessed = "processed"
)

// Deploy is the public event store's deploy: 1.x deploys and 2.x transactions
// alike. A deploy of which only the expiry was seen has neither account nor
// timestamp.
type Deploy struct {
	Hash         string
	Account      string // public key, or account hash on 2.x; hex without prefix
	State        string
	Cost         *string // decimal motes
	ErrorMessage *string
	BlockHash    *string
	Timestamp    string
	TimestampMs  int64
	Transfers    []string // addresses of transfer records; 2.x has none
	Version      string   // "" on 1.x; Deploy or Version1 on 2.x
}

func rank(state string) int {
	return slices.Index([]string{"", StateAccepted, StateExpired, StateProcessed}, state)
}

// Merge adds what a fact says to what is known of a deploy (nil = nothing) and
// reports whether that changed. In any order of facts the result is the same:
// a later Accepted or Expired never takes away a Processed.
func Merge(known *Deploy, fact Deploy) (Deploy, bool) {
	if known == nil {
		return fact, true
	}
	out := *known
	better := rank(fact.State) > rank(known.State)
	if better {
		out.State = fact.State
	}
	if fact.Account != "" && (out.Account == "" || (better && out.Account != fact.Account)) {
		out.Account = fact.Account
	}
	if fact.Timestamp != "" && (out.Timestamp == "" || (better && out.Timestamp != fact.Timestamp)) {
		out.Timestamp, out.TimestampMs = fact.Timestamp, fact.TimestampMs
	}
	if fact.State == StateProcessed && better {
		out.Cost, out.ErrorMessage, out.BlockHash, out.Transfers = fact.Cost, fact.ErrorMessage, fact.BlockHash, fact.Transfers
	}
	if out.Version == "" {
		out.Version = fact.Version
	}
	changed := out.State != known.State || out.Account != known.Account || out.Timestamp != known.Timestamp || out.Version != known.Version
	return out, changed
}

type wireDeploy struct {
	Hash   string `json:"hash"`
	Header struct {
		Account   string `json:"account"`
		Timestamp string `json:"timestamp"`
	} `json:"header"`
}

// parseDeployAccepted reads the deploy itself, as nodes send it, or
// {"deploy": …}, as the schema has it.
func parseDeployAccepted(body json.RawMessage) (*Deploy, error) {
	var w wireDeploy
	if err := json.Unmarshal(unwrap(body, "deploy"), &w); err != nil {
		return nil, err
	}
	d := &Deploy{State: StateAccepted}
	return d, d.fill(w.Hash, w.Header.Account, "", w.Header.Timestamp)
}

func parseDeployExpired(body json.RawMessage) (*Deploy, error) {
	var w struct {
		DeployHash string `json:"deploy_hash"`
	}
	if err := json.Unmarshal(body, &w); err != nil {
		return nil, err
	}
	hash, err := readHash("deploy_hash", w.DeployHash)
	return &Deploy{Hash: hash, State: StateExpired}, err
}

type initiator struct {
	PublicKey   string `json:"PublicKey"`
	AccountHash string `json:"AccountHash"`
}

func parseTransactionAccepted(body json.RawMessage) (*Deploy, error) {
	var w struct {
		Deploy   json.RawMessage `json:"Deploy"`
		Version1 *struct {
			Hash    string `json:"hash"`
			Payload struct {
				Initiator initiator `json:"initiator_addr"`
				Timestamp string    `json:"timestamp"`
			} `json:"payload"`
			// Release candidates of 2.0.
			Header struct {
				Initiator initiator `json:"initiator_addr"`
				Timestamp string    `json:"timestamp"`
			} `json:"header"`
		} `json:"Version1"`
	}
	if err := json.Unmarshal(unwrap(body, "transaction"), &w); err != nil {
		return nil, err
	}
	switch {
	case w.Deploy != nil:
		d, err := parseDeployAccepted(w.Deploy)
		if err == nil {
			d.Version = "Deploy"
		}
		return d, err
	case w.Version1 != nil:
		from, at := w.Version1.Payload.Initiator, w.Version1.Payload.Timestamp
		if at == "" {
			from, at = w.Version1.Header.Initiator, w.Version1.Header.Timestamp
		}
		d := &Deploy{State: StateAccepted, Version: "Version1"}
		return d, d.fill(w.Version1.Hash, from.PublicKey, from.AccountHash, at)
	}
	return nil, fmt.Errorf("transaction is of no known version")
}

func parseTransactionExpired(body json.RawMessage) (*Deploy, error) {
	var hash txHash
	if err := json.Unmarshal(unwrap(body, "transaction_hash"), &hash); err != nil {
		return nil, err
	}
	h, version, err := hash.read()
	return &Deploy{Hash: h, State: StateExpired, Version: version}, err
}

// fill sets what identifies a deploy, from its public key or account hash.
func (d *Deploy) fill(hash, publicKey, accountHash, at string) (err error) {
	if d.Hash, err = readHash("hash", hash); err != nil {
		return err
	}
	if publicKey == "" && accountHash != "" {
		d.Account, err = readAccountHash("initiator", accountHash)
	} else {
		d.Account, err = readKey("account", publicKey)
	}
	if err != nil {
		return err
	}
	d.Timestamp = at
	d.TimestampMs, err = readTime("timestamp", at)
	return err
}
