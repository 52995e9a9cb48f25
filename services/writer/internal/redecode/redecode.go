// Package redecode fills a build from another one of the same subjects inside
// the database: what was fetched is the same, and only what it means has
// changed. It takes one transaction on one snapshot, so that the writer of the
// other build goes on undisturbed, and ends with a cursor at the position and
// in the epoch of that snapshot: a writer of the new build goes on from there.
package redecode

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"fondaco.dev/services/writer/internal/chain"
	"fondaco.dev/services/writer/internal/partition"
	"fondaco.dev/services/writer/internal/projection"
	"fondaco.dev/services/writer/internal/schema"

	"fondaco.dev/proto/config"
)

// Report is what was done.
type Report struct {
	From, To string // builds
	Networks []Network
}

// Network is what was done of one network. Rows are canonical ones.
type Network struct {
	Name      string
	Seq       uint64 // message that the cursor is at
	Events    int64  // rows of events
	Changed   int64  // of these, differ from the other build's
	Mended    int64  // of these, could not be decoded before
	Undecoded []Reason
}

// Reason is why rows still cannot be decoded.
type Reason struct {
	Contract, Error string
	Rows            int64
}

// maxReasons bounds the reasons of a network that are told.
const maxReasons = 20

// Run fills the build of a configuration from another build, "" = the live one.
// It refuses when what is fetched differs, and when the build is in use already.
func Run(ctx context.Context, pool *pgxpool.Pool, file *config.File, from string) (Report, error) {
	r := Report{To: file.Build(projection.Version)}
	tx, err := pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		return r, fmt.Errorf("beginning a transaction: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if r.From, err = source(ctx, tx, from, r.To); err != nil {
		return r, err
	}
	if err := sameSubjects(ctx, tx, file, r.From); err != nil {
		return r, err
	}
	if err := schema.EnsureBuildIn(ctx, tx, r.To, projection.Version, file.Networks); err != nil {
		return r, err
	}
	for i := range file.Networks {
		n := &file.Networks[i]
		out, err := network(ctx, tx, n, r.From, r.To)
		if err != nil {
			return r, fmt.Errorf("network %s: %w", n.Name, err)
		}
		r.Networks = append(r.Networks, out)
	}
	if err := tx.Commit(ctx); err != nil {
		return r, fmt.Errorf("committing: %w", err)
	}
	return r, nil
}

// source finds the build to fill from.
func source(ctx context.Context, tx pgx.Tx, from, to string) (string, error) {
	if from == "" {
		err := tx.QueryRow(ctx, `select build from ctl.deployments`).Scan(&from)
		if errors.Is(err, pgx.ErrNoRows) {
			return "", errors.New("no build is live yet: start a writer with the configuration")
		}
		if err != nil {
			return "", fmt.Errorf("looking up the live build: %w", err)
		}
	}
	var version int
	err := tx.QueryRow(ctx, `select projection from ctl.builds where build = $1`, from).Scan(&version)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return "", fmt.Errorf("there is no build %q", from)
	case err != nil:
		return "", fmt.Errorf("looking up build %s: %w", from, err)
	case from == to:
		return "", fmt.Errorf("the configuration is that of build %s: mend an ABI first", from)
	case version != projection.Version:
		return "", fmt.Errorf("build %s has projections of version %d, this writer's are of version %d: start a writer with the configuration, which indexes the subjects anew",
			from, version, projection.Version)
	}
	return from, nil
}

// sameSubjects refuses a configuration that fetches anything else.
func sameSubjects(ctx context.Context, tx pgx.Tx, file *config.File, from string) error {
	rows, err := tx.Query(ctx, `select network, partition from `+schema.Schema(from)+`.networks`)
	if err != nil {
		return fmt.Errorf("reading the networks of build %s: %w", from, err)
	}
	have := map[string]string{}
	var name, subject string
	if _, err := pgx.ForEachRow(rows, []any{&name, &subject}, func() error { have[name] = subject; return nil }); err != nil {
		return fmt.Errorf("reading the networks of build %s: %w", from, err)
	}
	var bad []string
	for i := range file.Networks {
		n := &file.Networks[i]
		if was, ok := have[n.Name]; !ok {
			bad = append(bad, fmt.Sprintf("network %s is not in build %s", n.Name, from))
		} else if was != n.Subject() {
			bad = append(bad, fmt.Sprintf("what is fetched of network %s differs: its subject is %s, that of build %s is %s", n.Name, n.Subject(), from, was))
		}
	}
	if bad != nil {
		return fmt.Errorf("%s. An index cannot be made from what was not fetched: start an event-handler and a writer with the configuration", strings.Join(bad, "; "))
	}
	return nil
}

func network(ctx context.Context, tx pgx.Tx, n *config.Network, from, to string) (Network, error) {
	out := Network{Name: n.Name}
	cur, ok, err := partition.ReadCursor(ctx, tx, from, n.Subject())
	if err != nil {
		return out, err
	}
	if !ok {
		return out, fmt.Errorf("build %s has no cursor of it yet: wait for its writer", from)
	}
	out.Seq = cur.Seq
	if err := unused(ctx, tx, to, n.Subject(), cur.Seq); err != nil {
		return out, err
	}
	c := copier{tx: tx, from: from, to: to}
	skip := []string{"networks", "sums"} // sums follow counts by themselves
	if n.Kind == config.KindEVM {
		skip = append(skip, "events", "orphaned_events", "children")
	}
	if err := c.tables(ctx, n.Name, skip); err != nil {
		return out, err
	}
	if n.Kind == config.KindEVM {
		if err := chain.Redecode(ctx, tx, n, from, to); err != nil {
			return out, err
		}
		if err := out.count(ctx, tx, from, to); err != nil {
			return out, err
		}
	}
	return out, c.control(ctx, n.Subject())
}

// unused refuses a build that a writer has begun to fill.
func unused(ctx context.Context, tx pgx.Tx, to, subject string, at uint64) error {
	cur, ok, err := partition.ReadCursor(ctx, tx, to, subject)
	switch {
	case err != nil:
		return err
	case !ok || cur.Seq == 0:
		return nil
	case cur.Seq >= at:
		return fmt.Errorf("build %s is filled up to message %d already, the other one up to %d: promote it", to, cur.Seq, at)
	}
	return fmt.Errorf("build %s is being filled, and is at message %d of %d: let its writer go on, or stop it and empty the build with: writer reset --build %s --partition %s",
		to, cur.Seq, at, to, subject)
}

func (out *Network) count(ctx context.Context, tx pgx.Tx, from, to string) error {
	tables := strings.NewReplacer("old.", schema.Schema(from)+".", "new.", schema.Schema(to)+".")
	const totals = `
select count(*),
	count(*) filter (where (n.contract, n.event, n.args, n.decode_error, n.reads) is distinct from (o.contract, o.event, o.args, o.decode_error, o.reads)),
	count(*) filter (where o.decode_error <> '' and n.decode_error = '')
from new.events n join old.events o using (network, block_number, log_index) where network = $1`
	if err := tx.QueryRow(ctx, tables.Replace(totals), out.Name).Scan(&out.Events, &out.Changed, &out.Mended); err != nil {
		return fmt.Errorf("counting what changed: %w", err)
	}
	const reasons = `
select contract, decode_error, count(*) from new.events where network = $1 and decode_error <> '' group by 1, 2 order by 3 desc, 1, 2 limit $2`
	rows, err := tx.Query(ctx, tables.Replace(reasons), out.Name, maxReasons)
	if err != nil {
		return fmt.Errorf("counting what cannot be decoded: %w", err)
	}
	if out.Undecoded, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Reason]); err != nil {
		return fmt.Errorf("counting what cannot be decoded: %w", err)
	}
	return nil
}
