package ident

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	identityv1 "fondaco.dev/proto/identity/v1"
)

// tokenHashLen is the length of a token's SHA-256.
const tokenHashLen = 32

func refuse(code, detail string) *identityv1.Reply {
	return &identityv1.Reply{Error: code, Detail: detail}
}

// createAccount makes an account with the next dense id, or adds a token to
// the one of this name.
func createAccount(ctx context.Context, tx pgx.Tx, c *identityv1.CreateAccount, at time.Time) (*identityv1.Reply, error) {
	_, known := identityv1.Role_name[int32(c.GetRole())]
	switch {
	case !validName.MatchString(c.GetName()):
		return refuse("bad_name", "a name has 1 to 64 characters of a-z, 0-9, dot, underscore and hyphen"), nil
	case !known || c.GetRole() == identityv1.Role_ROLE_UNSPECIFIED:
		return refuse("bad_role", "the role is one of reader, trader, operator, auditor, admin"), nil
	case len(c.GetTokenHash()) != tokenHashLen:
		return refuse("bad_token", "token_hash is the SHA-256 of the token, 32 bytes"), nil
	}
	var owner uint64
	err := tx.QueryRow(ctx, `select account from ident.tokens where hash = $1`, c.GetTokenHash()).Scan(&owner)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("looking up the token: %w", err)
	}
	taken := err == nil

	reply := &identityv1.Reply{Existed: true}
	var role int16
	err = tx.QueryRow(ctx, `select id, role from ident.accounts where name = $1`, c.GetName()).Scan(&reply.Account, &role)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		if taken {
			return refuse("token_taken", "another account has this token; make a new one"), nil
		}
		reply.Existed = false
		// The partition's cursor row is locked: nobody else gives ids out.
		const q = `
insert into ident.accounts (id, name, role, created_at)
select coalesce(max(id), 0) + 1, $1, $2, $3 from ident.accounts returning id`
		if err := tx.QueryRow(ctx, q, c.GetName(), int16(c.GetRole()), at).Scan(&reply.Account); err != nil {
			return nil, fmt.Errorf("inserting account %s: %w", c.GetName(), err)
		}
	case err != nil:
		return nil, fmt.Errorf("looking up account %s: %w", c.GetName(), err)
	case identityv1.Role(role) != c.GetRole():
		return refuse("role_mismatch", fmt.Sprintf("account %s has the role %s; ask for that one or take another name", c.GetName(), identityv1.Role(role).Name())), nil
	case taken && owner != reply.Account:
		return refuse("token_taken", "another account has this token; make a new one"), nil
	case taken:
		return reply, nil
	}
	const q = `insert into ident.tokens (hash, account, created_at) values ($1, $2, $3)`
	if _, err := tx.Exec(ctx, q, c.GetTokenHash(), reply.Account, at); err != nil {
		return nil, fmt.Errorf("inserting a token of account %d: %w", reply.Account, err)
	}
	return reply, nil
}

// revokeToken is idempotent: the first time of revoking stays.
func revokeToken(ctx context.Context, tx pgx.Tx, r *identityv1.RevokeToken, at time.Time) (*identityv1.Reply, error) {
	const q = `update ident.tokens set revoked_at = coalesce(revoked_at, $2) where hash = $1 returning account`
	reply := &identityv1.Reply{Existed: true}
	err := tx.QueryRow(ctx, q, r.GetTokenHash(), at).Scan(&reply.Account)
	if errors.Is(err, pgx.ErrNoRows) {
		return refuse("unknown_token", "no account has this token"), nil
	}
	if err != nil {
		return nil, fmt.Errorf("revoking a token: %w", err)
	}
	return reply, nil
}
