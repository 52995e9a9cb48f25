// Package casper reads the events of Casper nodes, protocols 1.x and 2.x, and
// projects them onto blocks, deploys and transfers. It is pure, and its result
// does not depend on the order in which facts come.
//
//	fact                                        projects to
//	BlockAdded (bare, Version1, Version2)       a block
//	DeployAccepted, TransactionAccepted         a deploy, state accepted
//	DeployExpired, TransactionExpired           a deploy, state expired
//	DeployProcessed, TransactionProcessed       a deploy, state processed, its transfers and messages
//	FinalitySignature                           one more signature of a block
//	Fault, Step, ApiVersion, Shutdown           nothing: kept as facts only
//
// Source of the shapes: the node's own JSON schema of its SSE data (1.5.8, 2.0)
// and recordings; where the two differ, both are read.
package casper

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Projection is what one fact says.
type Projection struct {
	Block     *Block
	Deploy    *Deploy
	Transfers []Transfer
	// Messages is nil when the fact does not say what contracts emitted (1.x; an
	// outcome that was fetched by JSON-RPC, which does not tell), and empty when
	// they emitted nothing. It is not part of what two nodes must agree on, since
	// one of them may not know.
	Messages  []Message  `json:"-"`
	Signature *Signature `json:"-"`
}

// Signature is a validator's finality signature.
type Signature struct {
	BlockHash string
	PublicKey string
}

// Block is the public event store's block.
type Block struct {
	Hash          string // 64 lower-case hex digits, as all hashes here
	ParentHash    string
	Height        uint64
	EraID         string // decimal: era ids above 2^53 exist
	Timestamp     string // as the node wrote it
	TimestampMs   int64
	Proposer      string
	StateRootHash string
	Deploys       []string // deploy hashes, then transfer hashes; 2.x: all lanes in order
}

// Transfer is one movement of motes within a processed deploy.
type Transfer struct {
	DeployHash  string
	Index       int
	Address     string // of the transfer record on 1.x, "" on 2.x
	From        string // account hash, hex without its prefix
	To          *string
	Source      string
	Target      string
	Amount      string // decimal
	Gas         string
	ID          *string
	BlockHash   string
	Timestamp   string
	TimestampMs int64
}

// ErrNotProjected says that a fact's kind is none that the node has.
var ErrNotProjected = errors.New("not an event of a casper node")

// Parse reads a fact. An error says that the fact is kept raw and projects to
// nothing, or to all but its messages; it never means that the fact is lost.
func Parse(kind string, raw []byte) (Projection, error) {
	switch kind {
	case "Fault", "Step", "ApiVersion", "Shutdown":
		return Projection{}, nil
	case "BlockAdded", "FinalitySignature", "DeployAccepted", "DeployExpired", "DeployProcessed",
		"TransactionAccepted", "TransactionExpired", "TransactionProcessed":
	default:
		return Projection{}, fmt.Errorf("kind %q: %w", kind, ErrNotProjected)
	}
	var envelope map[string]json.RawMessage
	if err := json.Unmarshal(raw, &envelope); err != nil {
		return Projection{}, fmt.Errorf("reading %s: %w", kind, err)
	}
	body, ok := envelope[kind]
	if !ok {
		return Projection{}, fmt.Errorf("reading %s: the JSON holds another event", kind)
	}
	var p Projection
	var err error
	switch kind {
	case "BlockAdded":
		p.Block, err = parseBlock(body)
	case "FinalitySignature":
		p.Signature, err = parseSignature(body)
	case "DeployAccepted":
		p.Deploy, err = parseDeployAccepted(body)
	case "DeployExpired":
		p.Deploy, err = parseDeployExpired(body)
	case "TransactionAccepted":
		p.Deploy, err = parseTransactionAccepted(body)
	case "TransactionExpired":
		p.Deploy, err = parseTransactionExpired(body)
	default:
		p.Deploy, p.Transfers, err = parseProcessed(body)
		if err == nil {
			// What became of the transaction is known even when its messages are not.
			var bad error
			if p.Messages, bad = parseMessages(body, p.Deploy); bad != nil {
				return p, fmt.Errorf("reading %s: %w", kind, bad)
			}
		}
	}
	if err != nil {
		return Projection{}, fmt.Errorf("reading %s: %w", kind, err)
	}
	return p, nil
}

// Canonical is the part of a fact that must be the same from every node: what
// it projects to, or for the kinds that project to nothing what identifies
// them. Two nodes may add different proofs to one block.
func Canonical(kind string, raw []byte) []byte {
	if p, _ := Parse(kind, raw); p.Block != nil || p.Deploy != nil {
		out, err := json.Marshal(p)
		if err == nil {
			return out
		}
	}
	switch kind {
	case "FinalitySignature":
		var e map[string]json.RawMessage
		if json.Unmarshal(raw, &e) == nil {
			body := unwrap(e[kind], "V1", "V2")
			var sig struct {
				BlockHash string      `json:"block_hash"`
				EraID     json.Number `json:"era_id"`
				PublicKey string      `json:"public_key"`
			}
			if json.Unmarshal(body, &sig) == nil {
				return []byte(strings.ToLower(sig.BlockHash + " " + sig.EraID.String() + " " + sig.PublicKey))
			}
		}
	case "Fault":
		var e struct {
			Fault struct {
				EraID     json.Number `json:"era_id"`
				PublicKey string      `json:"public_key"`
			}
		}
		if json.Unmarshal(raw, &e) == nil {
			return []byte(strings.ToLower(e.Fault.EraID.String() + " " + e.Fault.PublicKey))
		}
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if dec.Decode(&v) == nil {
		if out, err := json.Marshal(v); err == nil {
			return out
		}
	}
	return raw
}

// unwrap returns the value of the first of the keys that an object holds, or
// the object itself.
func unwrap(body json.RawMessage, keys ...string) json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(body, &m) == nil {
		for _, k := range keys {
			if v, ok := m[k]; ok {
				return v
			}
		}
	}
	return body
}

// readHash checks a 32-byte hash in hex and returns it in lower case.
func readHash(name, s string) (string, error) {
	if len(s) != 64 || !isHex(s) {
		return "", fmt.Errorf("%s %q is not a hash", name, clip(s))
	}
	return strings.ToLower(s), nil
}

// readKey checks a public key: 01 and 32 bytes, or 02 and 33 bytes. Block 0 is
// proposed by the system, whose key is 00.
func readKey(name, s string) (string, error) {
	ok := s == "00" || (len(s) == 66 && strings.HasPrefix(s, "01")) || (len(s) == 68 && strings.HasPrefix(s, "02"))
	if !ok || !isHex(s) {
		return "", fmt.Errorf("%s %q is not a public key", name, clip(s))
	}
	return strings.ToLower(s), nil
}

// readDecimal checks an unsigned decimal of up to 155 digits (U512).
func readDecimal(name, s string) (string, error) {
	if s == "" || len(s) > 155 || strings.Trim(s, "0123456789") != "" {
		return "", fmt.Errorf("%s %q is not a decimal number", name, clip(s))
	}
	return s, nil
}

// readTime checks a timestamp and returns it as Unix milliseconds.
func readTime(name, s string) (int64, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || len(s) > 40 {
		return 0, fmt.Errorf("%s %q is not a time", name, clip(s))
	}
	return t.UnixMilli(), nil
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// clean makes a node's text storable: Postgres keeps no U+0000 and no bytes
// that are not UTF-8.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func clip(s string) string {
	s = clean(s)
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}
