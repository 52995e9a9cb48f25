// Package auth says who a bearer token belongs to and what a role may do. It
// keeps hashes for a few seconds and never a token.
package auth

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	identityv1 "fondaco.dev/proto/identity/v1"
	"fondaco.dev/services/api/internal/store"
)

var (
	// ErrNoToken: the request carries none.
	ErrNoToken = errors.New("a bearer token is required")
	// ErrBadToken: nobody has this token.
	ErrBadToken = errors.New("the token is not valid")
)

// Policy is who may use a route or a channel.
type Policy string

// Policies. Owner means: any account, for what is its own.
const (
	Public   Policy = "public"
	Reader   Policy = "reader"
	Owner    Policy = "owner"
	Trader   Policy = "trader"
	Operator Policy = "operator"
	Auditor  Policy = "auditor"
	Admin    Policy = "admin"
)

// Known says whether p is one of the policies.
func (p Policy) Known() bool {
	return slices.Contains([]Policy{Public, Reader, Owner, Trader, Operator, Auditor, Admin}, p)
}

// Allows says whether a role may pass. Everybody with a token may read; an
// admin may do everything.
func (p Policy) Allows(r identityv1.Role) bool {
	switch p {
	case Public:
		return true
	case Reader, Owner:
		return r != identityv1.Role_ROLE_UNSPECIFIED
	case Trader:
		return r == identityv1.Role_ROLE_TRADER || r == identityv1.Role_ROLE_ADMIN
	case Operator:
		return r == identityv1.Role_ROLE_OPERATOR || r == identityv1.Role_ROLE_ADMIN
	case Auditor:
		return r == identityv1.Role_ROLE_AUDITOR || r == identityv1.Role_ROLE_ADMIN
	case Admin:
		return r == identityv1.Role_ROLE_ADMIN
	}
	return false
}

// Who is an authenticated caller.
type Who struct {
	Account uint64
	Name    string
	Role    identityv1.Role
	Session string // the account as lines of the log name it
	hash    [sha256.Size]byte
}

// Key tells the tokens of an account apart; it is no secret.
func (w *Who) Key() uint64 { return binary.BigEndian.Uint64(w.hash[:]) }

// Tokens finds accounts by the SHA-256 of their tokens.
type Tokens interface {
	Token(ctx context.Context, hash []byte) (store.Account, error)
}

// How long answers are kept. A revoked token works this long at most; an
// unknown one is asked for again soon, since it may just have been made.
const (
	keepKnown   = 10 * time.Second
	keepUnknown = 500 * time.Millisecond
	maxKept     = 10000
)

// Auth is safe for concurrent use.
type Auth struct {
	tokens Tokens
	mu     sync.Mutex
	kept   map[[sha256.Size]byte]entry
}

type entry struct {
	who   Who
	ok    bool
	until time.Time
}

// New makes an Auth that asks tokens.
func New(tokens Tokens) *Auth { return &Auth{tokens: tokens, kept: map[[sha256.Size]byte]entry{}} }

// Bearer reads the Authorization header's value; "" = no header.
func (a *Auth) Bearer(ctx context.Context, header string) (Who, error) {
	if header == "" {
		return Who{}, ErrNoToken
	}
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "bearer") {
		return Who{}, ErrNoToken
	}
	return a.Token(ctx, strings.TrimSpace(token))
}

// Token finds whose token it is: ErrBadToken when it is nobody's, another
// error when that cannot be known now.
func (a *Auth) Token(ctx context.Context, token string) (Who, error) {
	if token == "" || len(token) > 512 {
		return Who{}, ErrBadToken
	}
	return a.find(ctx, sha256.Sum256([]byte(token)))
}

// Again checks that a caller's token still holds.
func (a *Auth) Again(ctx context.Context, w Who) (Who, error) { return a.find(ctx, w.hash) }

func (a *Auth) find(ctx context.Context, hash [sha256.Size]byte) (Who, error) {
	now := time.Now()
	a.mu.Lock()
	e, ok := a.kept[hash]
	a.mu.Unlock()
	if !ok || now.After(e.until) {
		asked := hash // so that what is known already needs no memory
		acc, err := a.tokens.Token(ctx, asked[:])
		switch {
		case errors.Is(err, store.ErrNotFound):
			e = entry{until: now.Add(keepUnknown)}
		case err != nil:
			return Who{}, err
		default:
			e = entry{who: Who{Account: acc.ID, Name: acc.Name, Role: acc.Role, Session: "account-" + strconv.FormatUint(acc.ID, 10), hash: hash}, ok: true, until: now.Add(keepKnown)}
		}
		a.keep(hash, e, now)
	}
	if !e.ok {
		return Who{}, ErrBadToken
	}
	return e.who, nil
}

// keep stores an answer; when there are too many, old ones go first.
func (a *Auth) keep(hash [sha256.Size]byte, e entry, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.kept) >= maxKept {
		for h, old := range a.kept {
			if now.After(old.until) {
				delete(a.kept, h)
			}
		}
		if len(a.kept) >= maxKept {
			clear(a.kept)
		}
	}
	a.kept[hash] = e
}
