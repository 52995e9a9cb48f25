package jsonrpc

import (
	"encoding/hex"
	"encoding/json"
	"strings"
)

// with adds what the node itself said, for callers to whom some errors are
// answers: a call that reverts. data is the "data" of the JSON-RPC error.
func (e *Error) with(text string, data json.RawMessage) *Error {
	e.Text = text
	var s string
	if json.Unmarshal(data, &s) != nil {
		return e
	}
	// OpenEthereum and Nethermind write "Reverted 0x…".
	if _, digits, ok := strings.Cut(s, "0x"); ok {
		if raw, err := hex.DecodeString(digits); err == nil {
			e.Data = raw
		}
	}
	return e
}
