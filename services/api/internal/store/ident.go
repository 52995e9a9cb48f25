package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	identityv1 "fondaco.dev/proto/identity/v1"
)

// Account is who a token belongs to.
type Account struct {
	ID   uint64
	Name string
	Role identityv1.Role
}

// Token finds the account of a token by the token's SHA-256. ErrNotFound also
// when it was revoked. A token that a replica does not know yet is asked of
// the primary.
func (s *Store) Token(ctx context.Context, hash []byte) (a Account, err error) {
	read := func(tx *Tx) error {
		const q = `select a.id, a.name, a.role from ident.tokens t join ident.accounts a on a.id = t.account where t.hash = $1 and t.revoked_at is null`
		var id int64
		var role int16
		err := tx.QueryRow(ctx, q, hash).Scan(&id, &a.Name, &role)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("reading a token: %w", err)
		}
		a.ID, a.Role = uint64(id), identityv1.Role(role)
		return nil
	}
	err = s.view(ctx, read)
	if errors.Is(err, ErrNotFound) && len(s.servers) > 1 {
		if again := s.primaryView(ctx, read); !errors.Is(again, ErrLoading) {
			return a, again
		}
	}
	return a, err
}
