// Package resume lets the IDENTITY stream, once it is lost, go on where the
// database stands: accounts and tokens are all there, and the writer wants the
// message behind its cursor. Only the provisioner's user may.
package resume

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/pkg/bus"
	feedv1 "fondaco.dev/proto/feed/v1"
	identityv1 "fondaco.dev/proto/identity/v1"
)

// ErrOtherLife: the stream holds requests that the database knows nothing of.
var ErrOtherLife = errors.New("IDENTITY has begun another life")

// Resumed is how the stream stands now.
type Resumed struct {
	Cursor  uint64 `json:"writer_cursor"` // its next message has the sequence behind it
	Resumed bool   `json:"resumed"`       // false: nothing was lost
	Thrown  uint64 `json:"thrown_away"`   // requests of another life
}

// Database is a pool or a connection.
type Database interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Identity lets a lost IDENTITY go on behind the writer's cursor. A stream that
// holds the cursor's message, or goes on behind it already, is left alone. One
// that holds other requests is ErrOtherLife unless discard says to throw them
// away: nobody has answered them.
func Identity(ctx context.Context, b *bus.Bus, db Database, discard bool) (Resumed, error) {
	const q = `select seq, digest from ctl.cursors where build = '' and partition = $1`
	var seq int64
	var digest []byte
	switch err := db.QueryRow(ctx, q, feedv1.IdentityPartition).Scan(&seq, &digest); {
	case errors.Is(err, pgx.ErrNoRows) || err == nil && seq == 0:
		return Resumed{}, nil // nothing was ever asked
	case err != nil:
		return Resumed{}, fmt.Errorf("reading the writer's cursor of IDENTITY: %w", err)
	}
	r := Resumed{Cursor: uint64(seq)}
	st, err := b.Stream(ctx, identityv1.Stream)
	if err != nil {
		return r, fmt.Errorf("looking at IDENTITY, which the provisioner makes: %w", err)
	}
	if st.LastSeq >= r.Cursor {
		m, err := b.Get(ctx, identityv1.Stream, r.Cursor)
		if err != nil {
			return r, err
		}
		if m == nil && st.FirstSeq > r.Cursor {
			return r, nil
		}
		if m != nil {
			if sum := sha256.Sum256(m.Data); bytes.Equal(sum[:], digest) {
				return r, nil
			}
		}
	}
	if st.LastSeq > 0 && st.FirstSeq <= st.LastSeq {
		r.Thrown = st.LastSeq - st.FirstSeq + 1
	}
	if r.Thrown > 0 && !discard {
		return r, fmt.Errorf("%w: it holds messages up to %d and not message %d, at which the database stands; where they are not wanted, throw them away with --discard",
			ErrOtherLife, st.LastSeq, r.Cursor)
	}
	if err := b.Begin(ctx, identityv1.Stream, r.Cursor+1); err != nil {
		return r, err
	}
	r.Resumed = true
	return r, nil
}
