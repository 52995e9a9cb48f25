package casper

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"

	"golang.org/x/crypto/blake2b"
)

// key is an ed25519 key of a validator or of a user.
type key struct {
	private ed25519.PrivateKey
	public  string // "01" and 64 hex digits, as Casper writes ed25519 keys
	account string // "account-hash-" and 64 hex digits
	purse   string // 64 hex digits: address of the main purse
}

// newKey derives a key from the chain's seed, so that a chain that starts anew
// has other validators too.
func newKey(seed, role string, index int) key {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d", seed, role, index))
	private := ed25519.NewKeyFromSeed(sum[:])
	public := private.Public().(ed25519.PublicKey)
	// Source: casper-types AccountHash: blake2b256(algorithm name, 0, key bytes).
	account := blake2b.Sum256(append([]byte("ed25519\x00"), public...))
	return key{
		private: private,
		public:  "01" + hex.EncodeToString(public),
		account: "account-hash-" + hex.EncodeToString(account[:]),
		purse:   digest("purse", seed, role, index),
	}
}

// sign gives a signature as Casper writes it: the algorithm's tag, then 64 bytes.
func (k key) sign(message string) string {
	raw, err := hex.DecodeString(message)
	if err != nil {
		raw = []byte(message)
	}
	return "01" + hex.EncodeToString(ed25519.Sign(k.private, raw))
}

// digest is 64 hex digits that depend on all of the parts. The real node hashes
// its own binary serialization; nobody downstream can or need recompute that.
func digest(parts ...any) string {
	text, err := json.Marshal(parts)
	if err != nil {
		panic(fmt.Sprintf("hashing %v: %v", parts, err))
	}
	sum := blake2b.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// source gives the random numbers of one block: the same for the same seed and
// height, whatever was made before.
func source(seed string, height uint64, what string) *rand.Rand {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d", seed, what, height))
	return rand.New(rand.NewChaCha8(sum))
}

// clValue is a typed value of a deploy's arguments.
type clValue struct {
	CLType any    `json:"cl_type"`
	Bytes  string `json:"bytes"`
	Parsed any    `json:"parsed"`
}

type arg [2]any // name, clValue

// clU512 serializes as the node does: the number of bytes, then little endian.
func clU512(v uint64) clValue {
	b := new(big.Int).SetUint64(v).Bytes()
	slices.Reverse(b)
	return clValue{"U512", fmt.Sprintf("%02x%x", len(b), b), fmt.Sprint(v)}
}

func clOptionU64(v *uint64) clValue {
	cl := clValue{CLType: map[string]any{"Option": "U64"}, Bytes: "00"}
	if v != nil {
		cl.Bytes = "01" + leU64(*v)
		cl.Parsed = *v
	}
	return cl
}

func clString(v string) clValue {
	return clValue{"String", leU64(uint64(len(v)))[:8] + hex.EncodeToString([]byte(v)), v}
}

func clBytes32(v string) clValue {
	return clValue{map[string]any{"ByteArray": 32}, v, v}
}

func clPublicKey(v string) clValue { return clValue{"PublicKey", v, v} }

func leU64(v uint64) string {
	b := make([]byte, 8)
	for i := range b {
		b[i] = byte(v >> (8 * i))
	}
	return hex.EncodeToString(b)
}
