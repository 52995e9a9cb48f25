package casper

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Message is what a contract emitted on one of its topics while a transaction
// was executed. Source: contract-level messages, casper-types 5.0 (protocol 2.x).
type Message struct {
	TransactionHash string
	Index           int    // place in the transaction's list
	Entity          string // 32 bytes in hex, as all that follows "hash" here
	EntityName      string // as the node wrote it: entity-contract-…, or Entity itself
	Topic           string
	TopicHash       string
	TopicIndex      string // decimal
	BlockIndex      string // decimal: above 2^63 in recordings
	Text            *string
	Bytes           *string // hex; one of Text and Bytes is set
	BlockHash       string
	Timestamp       string
	TimestampMs     int64
}

type wireMessage struct {
	Entity     string          `json:"entity_addr"` // 2.0 and its later candidates
	EntityHash string          `json:"entity_hash"`
	HashAddr   json.RawMessage `json:"hash_addr"` // hex, or 32 numbers as in the schema
	Message    struct {
		String *string
		Bytes  *string
	} `json:"message"`
	Topic      string      `json:"topic_name"`
	TopicHash  string      `json:"topic_name_hash"`
	TopicIndex json.Number `json:"topic_index"`
	BlockIndex json.Number `json:"block_index"`
}

// parseMessages reads the messages of a processed transaction; nil = it has no
// such list.
func parseMessages(body json.RawMessage, d *Deploy) ([]Message, error) {
	var w struct {
		Messages *[]wireMessage `json:"messages"`
	}
	if err := json.Unmarshal(body, &w); err != nil {
		return nil, fmt.Errorf("messages: %w", err)
	}
	if w.Messages == nil {
		return nil, nil
	}
	out := make([]Message, 0, len(*w.Messages))
	for i, m := range *w.Messages {
		read, err := m.read()
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", i, err)
		}
		read.TransactionHash, read.Index = d.Hash, i
		read.BlockHash, read.Timestamp, read.TimestampMs = *d.BlockHash, d.Timestamp, d.TimestampMs
		out = append(out, read)
	}
	return out, nil
}

func (w *wireMessage) read() (m Message, err error) {
	m.EntityName = w.Entity
	switch {
	case w.Entity != "":
		if len(w.Entity) > 64 {
			m.Entity = w.Entity[len(w.Entity)-64:] // behind "entity-contract-" and its like
		}
	case len(w.HashAddr) > 0 && w.HashAddr[0] == '[':
		var numbers []byte // a JSON list of numbers, or base64
		if err := json.Unmarshal(w.HashAddr, &numbers); err != nil {
			return m, fmt.Errorf("hash_addr: %w", err)
		}
		m.Entity = hex.EncodeToString(numbers) // its length is checked below
	case len(w.HashAddr) > 0:
		if err := json.Unmarshal(w.HashAddr, &m.Entity); err != nil {
			return m, fmt.Errorf("hash_addr: %w", err)
		}
	}
	if m.Entity, err = readHash("entity", m.Entity); err != nil {
		return m, err
	}
	if m.EntityName == "" {
		m.EntityName = w.EntityHash
	}
	m.EntityName = clip(m.EntityName)
	if m.EntityName == "" {
		m.EntityName = m.Entity
	}
	m.Topic = clean(w.Topic)
	if len(m.Topic) > maxTopic {
		return m, fmt.Errorf("topic %q is longer than %d bytes", clip(m.Topic), maxTopic)
	}
	if m.TopicHash, err = readHash("topic_name_hash", w.TopicHash); err != nil {
		return m, err
	}
	if m.TopicIndex, err = readDecimal("topic_index", orZero(w.TopicIndex)); err != nil {
		return m, err
	}
	if m.BlockIndex, err = readDecimal("block_index", orZero(w.BlockIndex)); err != nil {
		return m, err
	}
	switch {
	case w.Message.String != nil:
		text := clean(*w.Message.String)
		m.Text = &text
	case w.Message.Bytes != nil && isHex(*w.Message.Bytes):
		m.Bytes = w.Message.Bytes
	default:
		return m, fmt.Errorf("its payload is neither String nor Bytes")
	}
	return m, nil
}

// maxTopic: a node allows 256 bytes (chainspec, max_topic_name_size); topics
// are in an index, whose entries end at 2,704 bytes.
const maxTopic = 1024

// orZero: a release candidate of 2.0 wrote the topic's index under another name.
func orZero(n json.Number) string {
	if n == "" {
		return "0"
	}
	return n.String()
}

// parseSignature reads a finality signature; 2.x wraps it in V1 or V2.
func parseSignature(body json.RawMessage) (*Signature, error) {
	var w struct {
		BlockHash string `json:"block_hash"`
		PublicKey string `json:"public_key"`
	}
	if err := json.Unmarshal(unwrap(body, "V2", "V1"), &w); err != nil {
		return nil, err
	}
	block, err := readHash("block_hash", w.BlockHash)
	if err != nil {
		return nil, err
	}
	key, err := readKey("public_key", w.PublicKey)
	if err != nil {
		return nil, err
	}
	return &Signature{BlockHash: block, PublicKey: key}, nil
}
