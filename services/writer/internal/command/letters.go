package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// letters are the arguments of `deadletters`.
type letters struct {
	replay  bool
	id      letterID
	all     bool
	network string
}

// letterID names a dead letter: <partition>@<sequence>.<unit>, and the build
// before it with a slash.
type letterID struct {
	build, partition string
	seq              uint64
	unit             int
}

func (id letterID) String() string {
	return fmt.Sprintf("%s/%s@%d.%d", id.build, id.partition, id.seq, id.unit)
}

func parseLetterID(s string) (id letterID, err error) {
	bad := fmt.Errorf("%q is not an id as `deadletters list` prints it", s)
	build, rest, ok := strings.Cut(s, "/")
	partition, place, ok2 := strings.Cut(rest, "@")
	seq, unit, ok3 := strings.Cut(place, ".")
	if !ok || !ok2 || !ok3 {
		return id, bad
	}
	id = letterID{build: build, partition: partition}
	if id.seq, err = strconv.ParseUint(seq, 10, 63); err != nil {
		return id, bad
	}
	if id.unit, err = strconv.Atoi(unit); err != nil {
		return id, bad
	}
	return id, nil
}

// parseLetters reads `list [--network N]` and `replay --id ID|--all [--network N]`.
func parseLetters(args []string) (letters, error) {
	var l letters
	if len(args) == 0 || (args[0] != "list" && args[0] != "replay") {
		return l, errUsage
	}
	l.replay = args[0] == "replay"
	flags := flag.NewFlagSet("deadletters", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	id := flags.String("id", "", "")
	flags.BoolVar(&l.all, "all", false, "")
	flags.StringVar(&l.network, "network", "", "")
	if flags.Parse(args[1:]) != nil || flags.NArg() > 0 {
		return l, errUsage
	}
	chosen := 0
	for _, is := range []bool{*id != "", l.all, l.network != ""} {
		if is {
			chosen++
		}
	}
	if (l.replay && chosen != 1) || (!l.replay && (l.all || *id != "")) {
		return l, errUsage
	}
	if *id == "" {
		return l, nil
	}
	var err error
	l.id, err = parseLetterID(*id)
	return l, err
}

func (l letters) run(ctx context.Context, pool *pgxpool.Pool, out io.Writer) error {
	if l.replay {
		return l.mark(ctx, pool, out)
	}
	return l.list(ctx, pool, out)
}

// list prints what is not done, newest last.
func (l letters) list(ctx context.Context, pool *pgxpool.Pool, out io.Writer) error {
	const q = `
select build, partition, seq, unit, block_number, status, orphaned, attempts, coalesce(last_error, reason), now() - created_at
from ctl.dead_letters where status <> 'done' order by build, partition, seq, unit`
	rows, err := pool.Query(ctx, q)
	if err != nil {
		return fmt.Errorf("reading dead letters: %w", err)
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNETWORK\tSEQ\tUNIT\tBLOCK\tSTATUS\tATTEMPTS\tAGE\tREASON")
	var id letterID
	var block *int64
	var status, reason string
	var orphaned bool
	var attempts, listed int
	var age time.Duration
	_, err = pgx.ForEachRow(rows, []any{&id.build, &id.partition, &id.seq, &id.unit, &block, &status, &orphaned, &attempts, &reason, &age}, func() error {
		network := networkOf(id.partition)
		if l.network != "" && l.network != network {
			return nil
		}
		number := "-"
		if block != nil {
			number = strconv.FormatInt(*block, 10)
		}
		if orphaned {
			status += ", orphaned"
		}
		listed++
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\t%d\t%s\t%s\n", id, network, id.seq, id.unit, number, status, attempts, age.Round(time.Second), oneLine(reason))
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading dead letters: %w", err)
	}
	if listed == 0 {
		_, err := fmt.Fprintln(out, "there are no dead letters")
		return err
	}
	return w.Flush()
}

func networkOf(partition string) string {
	network, _, err := chainv1.ParseSubject(partition)
	if err != nil {
		return partition
	}
	return network
}

func oneLine(s string) string {
	const most = 120
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return string(r)
}

// mark asks the writer that owns the partition to apply letters. One whose
// block a reorg took is not asked for.
func (l letters) mark(ctx context.Context, pool *pgxpool.Pool, out io.Writer) error {
	where, args := `true`, []any{}
	switch {
	case l.id.partition != "":
		where, args = `build = $1 and partition = $2 and seq = $3 and unit = $4`, []any{l.id.build, l.id.partition, l.id.seq, l.id.unit}
	case l.network != "":
		where, args = `split_part(partition, '.', 3) = $1`, []any{l.network}
	}
	const set = `
update ctl.dead_letters set status = 'pending', updated_at = now() where status in ('dead', 'pending') and not orphaned and unit >= 0 and `
	tag, err := pool.Exec(ctx, set+where, args...)
	if err != nil {
		return fmt.Errorf("marking dead letters: %w", err)
	}
	if tag.RowsAffected() == 0 && l.id.partition != "" {
		return l.explain(ctx, pool, out)
	}
	if tag.RowsAffected() == 0 {
		fmt.Fprintln(out, "there are no dead letters that could be applied")
		return nil
	}
	fmt.Fprintf(out, "dead letters pending: %d; the writer applies them within a second, and `deadletters list` says which it cannot\n", tag.RowsAffected())
	return nil
}

// explain says why a letter that was named cannot be replayed.
func (l letters) explain(ctx context.Context, pool *pgxpool.Pool, out io.Writer) error {
	const q = `select status, orphaned from ctl.dead_letters where build = $1 and partition = $2 and seq = $3 and unit = $4`
	var status string
	var orphaned bool
	err := pool.QueryRow(ctx, q, l.id.build, l.id.partition, l.id.seq, l.id.unit).Scan(&status, &orphaned)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return fmt.Errorf("there is no dead letter %s", l.id)
	case err != nil:
		return fmt.Errorf("reading dead letter %s: %w", l.id, err)
	case status == "done":
		fmt.Fprintf(out, "dead letter %s is done already\n", l.id)
		return nil
	case orphaned:
		return fmt.Errorf("dead letter %s belongs to a block that is not on the chain any more", l.id)
	case l.id.unit < 0:
		return fmt.Errorf("dead letter %s is a whole message that cannot be read: index the network anew with `writer reset`", l.id)
	}
	return fmt.Errorf("dead letter %s is %s: the writer is at it", l.id, status)
}
