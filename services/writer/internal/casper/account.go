package casper

import (
	"encoding/hex"
	"fmt"
	"strings"

	"golang.org/x/crypto/blake2b"
)

const accountHashPrefix = "account-hash-"

// AccountHash is the account hash of a public key, in hex without prefix:
// blake2b-256 over the algorithm's name, a zero byte and the key.
// Source: casper-types, AccountHash::from(&PublicKey).
func AccountHash(publicKey string) (string, error) {
	key, err := readKey("public key", publicKey)
	if err != nil {
		return "", err
	}
	raw, err := hex.DecodeString(key)
	if err != nil {
		return "", fmt.Errorf("public key %q: %w", key, err)
	}
	name := map[byte]string{0: "system", 1: "ed25519", 2: "secp256k1"}[raw[0]]
	if raw[0] == 0 {
		// The system's account is the zero hash by definition.
		return strings.Repeat("0", 64), nil
	}
	sum := blake2b.Sum256(append(append([]byte(name), 0), raw[1:]...))
	return hex.EncodeToString(sum[:]), nil
}

func readAccountHash(name, s string) (string, error) {
	return readHash(name, strings.TrimPrefix(s, accountHashPrefix))
}
