// Package shape is the one place where the JSON of answers and frames is made.
// Answers and frames are explicit types: a column added to a table never
// leaks.
package shape

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	feedv1 "fondaco.dev/proto/feed/v1"
)

// Encode writes v as compact JSON without HTML escapes. v is one of this
// package's types, which always encode.
func Encode(v any) []byte {
	if a, ok := v.(Appender); ok {
		return encoded(a)
	}
	return reflected(v)
}

// reflected is what encoding/json makes of it.
func reflected(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("shape: " + err.Error())
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// CasperBlock is the public event store's block model.
type CasperBlock struct {
	BlockHash     string   `json:"blockHash"`
	ParentHash    string   `json:"parentHash"`
	Timestamp     string   `json:"timestamp"`
	EraID         uint64   `json:"eraId"`
	Proposer      string   `json:"proposer"`
	State         string   `json:"state"`
	Height        uint64   `json:"height"`
	Deploys       []string `json:"deploys"`
	DeployCount   int      `json:"deployCount"`
	StateRootHash string   `json:"stateRootHash"`
}

// OfCasperBlock makes the model of a row.
func OfCasperBlock(b *feedv1.CasperBlock) CasperBlock {
	return CasperBlock{BlockHash: b.GetBlockHash(), ParentHash: b.GetParentHash(), Timestamp: b.GetTimestamp(), EraID: b.GetEraId(),
		Proposer: b.GetProposer(), State: "added", Height: b.GetHeight(), Deploys: list(b.GetDeploys()), DeployCount: len(b.GetDeploys()),
		StateRootHash: b.GetStateRootHash()}
}

// CasperDeploy is the public event store's deploy model. Cost is a number up
// to 2^53-1, a string above, and null while it is unknown.
type CasperDeploy struct {
	DeployHash   string          `json:"deployHash"`
	Account      string          `json:"account"`
	State        string          `json:"state"`
	Cost         json.RawMessage `json:"cost"`
	CostMotes    *string         `json:"costMotes"`
	ErrorMessage *string         `json:"errorMessage"`
	BlockHash    *string         `json:"blockHash"`
	Timestamp    string          `json:"timestamp"`
	Transfers    []string        `json:"transfers"`
	Version      string          `json:"version,omitempty"`
}

// OfCasperDeploy makes the model of a row.
func OfCasperDeploy(d *feedv1.CasperDeploy) CasperDeploy {
	return CasperDeploy{DeployHash: d.GetDeployHash(), Account: d.GetAccount(), State: d.GetState(), Cost: motes(d.GetCost()),
		CostMotes: optional(d.GetCost()), ErrorMessage: optional(d.GetErrorMessage()), BlockHash: optional(d.GetBlockHash()),
		Timestamp: d.GetTimestamp(), Transfers: list(d.GetTransfers()), Version: d.GetVersion()}
}

// maxSafe is the largest integer that every JSON reader holds exactly.
const maxSafe = 1<<53 - 1

// motes writes a decimal amount as the public description wants it.
func motes(decimal string) json.RawMessage {
	if decimal == "" {
		return json.RawMessage("null")
	}
	if n, err := strconv.ParseUint(decimal, 10, 64); err == nil && n <= maxSafe {
		return json.RawMessage(strconv.FormatUint(n, 10))
	}
	return json.RawMessage(strconv.Quote(decimal))
}

// CasperTransfer is one native transfer. Amounts are decimal motes: they
// exceed what a JSON number holds.
type CasperTransfer struct {
	TransferHash string  `json:"transferHash"`
	DeployHash   string  `json:"deployHash"`
	BlockHash    string  `json:"blockHash"`
	FromAccount  string  `json:"fromAccount"`
	ToAccount    *string `json:"toAccount"`
	SourcePurse  string  `json:"sourcePurse"`
	TargetPurse  string  `json:"targetPurse"`
	Amount       string  `json:"amount"`
	Gas          string  `json:"gas"`
	ID           *string `json:"id"`
	Timestamp    string  `json:"timestamp"`
}

// CasperSignedBlock is a block in the native lists, with the number of
// validators whose finality signature of it is stored.
type CasperSignedBlock struct {
	CasperBlock
	Signatures int64 `json:"signatures"`
}

// CasperAccount is what is known of an account. Totals are exact.
type CasperAccount struct {
	Network      string  `json:"network"`
	AccountHash  string  `json:"account_hash"`
	PublicKey    *string `json:"public_key"`  // null: never seen; a hash does not tell it
	FirstSeen    string  `json:"first_seen"`  // time of the earliest deploy or transfer with it
	FirstBlock   *int64  `json:"first_block"` // lowest height with one; null: not known yet
	Deploys      int64   `json:"deploys"`     // in any state
	TransfersIn  int64   `json:"transfers_in"`
	TransfersOut int64   `json:"transfers_out"`
}

// OfCasperAccount makes the model of a row; times are Unix milliseconds.
func OfCasperAccount(network, hash, key string, firstMs int64, firstHeight *int64, deploys, in, out int64) CasperAccount {
	return CasperAccount{Network: network, AccountHash: hash, PublicKey: optional(key), FirstSeen: time.UnixMilli(firstMs).UTC().Format("2006-01-02T15:04:05.000Z"),
		FirstBlock: firstHeight, Deploys: deploys, TransfersIn: in, TransfersOut: out}
}

// CasperMessage is what a contract emitted; one of Text and Bytes is set.
type CasperMessage struct {
	Network         string  `json:"network"`
	TransactionHash string  `json:"transaction_hash"`
	Index           int32   `json:"index"` // place in the transaction's list
	Entity          string  `json:"entity"`
	EntityName      string  `json:"entity_name"` // as the node wrote it
	Topic           string  `json:"topic"`
	TopicHash       string  `json:"topic_hash"`
	TopicIndex      string  `json:"topic_index"` // decimal, as they exceed what a JSON number holds
	BlockIndex      string  `json:"block_index"`
	Text            *string `json:"text"`
	Bytes           *string `json:"bytes"` // hex
	BlockHash       string  `json:"block_hash"`
	Timestamp       string  `json:"timestamp"`
}

// OptionalHex writes bytes without a prefix, nil as null.
func OptionalHex(b []byte) *string {
	if b == nil {
		return nil
	}
	s := hex.EncodeToString(b)
	return &s
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
