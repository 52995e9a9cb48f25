// Package casper listens to the event streams of Casper nodes, protocols 1.x
// and 2.x, several nodes at once, and hands out each event once: keyed by its
// content, since a node's event ids go back when it restarts.
package casper

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Kinds that are ours; all others are the node's names.
const (
	KindUnknown   = "unknown"   // JSON of a kind that we do not know
	KindMalformed = "malformed" // no JSON, or a known kind without what makes its key
)

// Event is what was read out of one payload. Raw is never re-encoded: numbers
// above 2^53 are in it.
type Event struct {
	Kind string
	Key  string // unique within the kind, lower case
	Raw  []byte
	// Block is set for a BlockAdded, and Names are the deploys in it.
	Block *Block
	Names []txHash
	// APIVersion is set for an ApiVersion.
	APIVersion string
}

// Block is what links a block to its chain. Hashes are lower-case hex.
type Block struct {
	Height uint64
	Hash   string
	Parent string
}

// Read finds out kind and key of a payload. It never fails: what cannot be read
// is of kind unknown or malformed, keyed by the SHA-256 of raw.
func Read(raw []byte) Event {
	e := Event{Kind: KindMalformed, Raw: raw}
	kind, body, err := split(raw)
	if err == nil {
		e.Kind = kind
		err = e.read(body)
	}
	if err != nil {
		e = Event{Kind: KindMalformed, Raw: raw}
	}
	if e.Key == "" {
		sum := sha256.Sum256(raw)
		e.Key = hex.EncodeToString(sum[:])
	}
	return e
}

// split takes {"Kind":body} apart; "Shutdown" comes as a bare string.
func split(raw []byte) (kind string, body json.RawMessage, err error) {
	var bare string
	if json.Unmarshal(raw, &bare) == nil {
		if bare == "Shutdown" {
			return bare, nil, nil
		}
		return KindUnknown, nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		if json.Valid(raw) {
			return KindUnknown, nil, nil
		}
		return "", nil, errors.New("no JSON")
	}
	n := 0
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return "", nil, err
		}
		kind, _ = t.(string)
		if err := dec.Decode(&body); err != nil {
			return "", nil, err
		}
		n++
	}
	if _, err := dec.Token(); err != nil {
		return "", nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return "", nil, errors.New("something after the JSON")
	}
	if n != 1 {
		return KindUnknown, nil, nil
	}
	return kind, body, nil
}

// read fills the event from the body of a known kind.
func (e *Event) read(body json.RawMessage) (err error) {
	switch e.Kind {
	case "ApiVersion":
		return json.Unmarshal(body, &e.APIVersion)
	case "BlockAdded":
		e.Block, e.Names, err = readBlock(body)
		if err == nil {
			e.Key = e.Block.Hash
		}
	case "DeployAccepted", "DeployProcessed", "DeployExpired":
		// DeployAccepted is the deploy itself, or holds it under "deploy".
		var b struct {
			Hash       string                `json:"hash"`
			DeployHash string                `json:"deploy_hash"`
			Deploy     struct{ Hash string } `json:"deploy"`
		}
		if err = json.Unmarshal(body, &b); err == nil {
			e.Key, err = hash(b.DeployHash, b.Hash, b.Deploy.Hash)
		}
	case "TransactionAccepted", "TransactionProcessed", "TransactionExpired":
		e.Key, err = readTransaction(body)
	case "FinalitySignature":
		e.Key, err = readSignature(body)
	case "Fault":
		var b struct {
			Era json.Number `json:"era_id"`
			Key string      `json:"public_key"`
		}
		if err = json.Unmarshal(body, &b); err == nil {
			e.Key, err = join(era(b.Era), b.Key)
		}
	case "Step":
		var b struct {
			Era json.Number `json:"era_id"`
		}
		if err = json.Unmarshal(body, &b); err == nil {
			e.Key, err = join(era(b.Era))
		}
	case "Shutdown", KindUnknown:
	default:
		e.Kind = KindUnknown
	}
	return err
}

// readBlock reads the body of a BlockAdded: the block is bare in 1.x, under
// Version1 or Version2 in 2.x.
func readBlock(raw json.RawMessage) (*Block, []txHash, error) {
	type block struct {
		Hash   string `json:"hash"`
		Header *struct {
			Parent string      `json:"parent_hash"`
			Height json.Number `json:"height"`
		} `json:"header"`
		Body json.RawMessage `json:"body"`
	}
	var b struct {
		BlockHash string `json:"block_hash"`
		Block     struct {
			block
			Version1 *block
			Version2 *block
		} `json:"block"`
	}
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, nil, err
	}
	inner := &b.Block.block
	for _, v := range []*block{b.Block.Version1, b.Block.Version2} {
		if v != nil {
			inner = v
		}
	}
	if inner.Header == nil {
		return nil, nil, errors.New("a block without header")
	}
	h, err := hash(b.BlockHash, inner.Hash)
	if err != nil {
		return nil, nil, err
	}
	height, err := strconv.ParseUint(inner.Header.Height.String(), 10, 64)
	if err != nil {
		return nil, nil, fmt.Errorf("height: %w", err)
	}
	// A body of a shape that is not known names nothing; the block counts all the same.
	var in body
	_ = json.Unmarshal(inner.Body, &in)
	return &Block{Height: height, Hash: h, Parent: strings.ToLower(inner.Header.Parent)}, in.names(), nil
}

// readTransaction finds the hash: {"transaction_hash":{"Version1":h}}, or the
// transaction itself under Deploy, Version1 or transaction.
func readTransaction(body json.RawMessage) (string, error) {
	type hashed struct {
		Hash string `json:"hash"`
	}
	type wrapped struct{ Deploy, Version1 hashed }
	var b struct {
		TransactionHash struct{ Deploy, Version1 string } `json:"transaction_hash"`
		wrapped
		Transaction wrapped `json:"transaction"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return "", err
	}
	return hash(b.TransactionHash.Deploy, b.TransactionHash.Version1, b.Deploy.Hash, b.Version1.Hash, b.Transaction.Deploy.Hash, b.Transaction.Version1.Hash)
}

// readSignature makes "<block hash>:<public key>"; 2.x wraps in V1 or V2.
func readSignature(body json.RawMessage) (string, error) {
	type signature struct {
		BlockHash string `json:"block_hash"`
		PublicKey string `json:"public_key"`
	}
	var b struct {
		signature
		V1, V2 signature
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return "", err
	}
	for _, s := range []signature{b.signature, b.V1, b.V2} {
		if s.BlockHash != "" {
			return join(s.BlockHash, s.PublicKey)
		}
	}
	return "", errors.New("a finality signature without block hash")
}

// hash returns the first that is not empty.
func hash(candidates ...string) (string, error) {
	for _, c := range candidates {
		if c != "" {
			return join(c)
		}
	}
	return "", errors.New("no hash")
}

// join makes a key of parts; each must be hex or digits, as keys are proto
// strings and part of table keys.
func join(parts ...string) (string, error) {
	for _, p := range parts {
		if p == "" || len(p) > 200 || strings.Trim(p, "0123456789abcdefABCDEF") != "" {
			return "", fmt.Errorf("%.80q is no hash, public key or era", p)
		}
	}
	return strings.ToLower(strings.Join(parts, ":")), nil
}

// era is the number's own digits: era ids above 2^53 exist.
func era(n json.Number) string { return n.String() }
