package filter

import (
	"encoding/hex"
	"strings"

	"golang.org/x/crypto/blake2b"
)

// AccountHash reads a Casper account as it may be written: a public key, or an
// account hash with or without its prefix. It returns the hash in lower-case hex
// and the key, "" where a hash was given, which does not tell it. Source:
// casper-types, AccountHash::from(&PublicKey): blake2b-256 over the algorithm's
// name, a zero byte and the key.
func AccountHash(text string) (hash, key string, ok bool) {
	text = strings.ToLower(text)
	raw, err := hex.DecodeString(strings.TrimPrefix(text, "account-hash-"))
	if err != nil {
		return "", "", false
	}
	if len(raw) == 32 {
		return hex.EncodeToString(raw), "", true
	}
	if len(raw) == 0 || len(text) != 2*len(raw) {
		return "", "", false
	}
	var name string
	switch {
	case raw[0] == 1 && len(raw) == 33:
		name = "ed25519"
	case raw[0] == 2 && len(raw) == 34:
		name = "secp256k1"
	default:
		return "", "", false
	}
	sum := blake2b.Sum256(append(append([]byte(name), 0), raw[1:]...))
	return hex.EncodeToString(sum[:]), text, true
}
