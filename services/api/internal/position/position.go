// Package position names places in what the house knows, in one form for
// requests and answers:
//
//	chain.dev:18bcfe56800-0.01234567:5242881
//	|     |   |                      seq
//	|     |   epoch, as in the frames of that feed
//	|     network, or venue
//	kind
//
//	kind    | of      | seq
//	--------+---------+---------------------------------------------------
//	chain   | network | feed position, `seq` of the network's frames
//	trades  | venue   | event_seq, `seq` of the venue's frames
//	orders  | venue   | sequence of the pack that a write was stored in
//
// The header Fondaco-Seq carries one in an answer, and up to MaxTokens, with
// commas between them, in a request.
package position

import (
	"errors"
	"strconv"
	"strings"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// Header carries positions in both directions.
const Header = "Fondaco-Seq"

// Kinds of positions.
const (
	Chain  = "chain"
	Trades = "trades"
	Orders = "orders"
)

// MaxTokens is how many positions a request may name, maxText how long they
// may be together.
const (
	MaxTokens = 16
	maxText   = 2048
)

// ErrSyntax: the text is no list of positions.
var ErrSyntax = errors.New("wants positions such as chain.dev:18bcfe56800-0.01234567:5242881, with commas between them")

// Token is one position.
type Token struct {
	Kind, Name, Epoch string
	Seq               uint64
}

// String is the form that Parse reads.
func (t Token) String() string {
	b := make([]byte, 0, 64)
	b = append(append(append(b, t.Kind...), '.'), t.Name...)
	b = append(append(append(b, ':'), t.Epoch...), ':')
	return string(strconv.AppendUint(b, t.Seq, 10))
}

// Parse reads a list of positions; "" is none.
func Parse(text string) ([]Token, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > maxText || strings.Count(text, ",") >= MaxTokens {
		return nil, ErrSyntax
	}
	var out []Token
	for part := range strings.SplitSeq(text, ",") {
		t, ok := parse(strings.TrimSpace(part))
		if !ok {
			return nil, ErrSyntax
		}
		out = append(out, t)
	}
	return out, nil
}

func parse(text string) (t Token, ok bool) {
	head, rest, ok1 := strings.Cut(text, ":")
	epoch, digits, ok2 := strings.Cut(rest, ":")
	kind, name, ok3 := strings.Cut(head, ".")
	if !ok1 || !ok2 || !ok3 || !word(name, "_-.") || !word(epoch, "-.") {
		return t, false
	}
	switch kind {
	case Chain, Trades, Orders:
	default:
		return t, false
	}
	seq, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || strconv.FormatUint(seq, 10) != digits {
		return t, false
	}
	return Token{Kind: kind, Name: name, Epoch: epoch, Seq: seq}, true
}

// word says whether a text has letters, digits and the given characters only.
func word(s, more string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte(more, c) < 0 {
			return false
		}
	}
	return s != ""
}

// ChainEpoch is what clients see of a network's epoch: the partition's own and
// which subject it is, since a new filter fills a new subject of the same
// stream.
func ChainEpoch(partition, epoch string) string {
	_, filter, err := chainv1.ParseSubject(partition)
	if err != nil {
		return epoch
	}
	return epoch + "." + filter[:min(8, len(filter))]
}
