package schema_test

import (
	"context"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/pkg/pgtest"
)

// sumsQuery tells where sums and counts differ.
const sumsQuery = `
with truth as (
	select network, kind, width, bucket / width as bucket, sum(n) as n from ix_sample.counts, (values (32), (1024)) as widths (width)
	where scope = '' group by 1, 2, 3, 4 having sum(n) <> 0
), kept as (select network, kind, width, bucket, n from ix_sample.sums where n <> 0)
select coalesce(string_agg(d::text, ' '), '') from (
	(select 'missing', t.* from (select * from truth except select * from kept) t)
	union all (select 'wrong', t.* from (select * from kept except select * from truth) t)) d`

func checkSums(ctx context.Context, t *testing.T, conn *pgx.Conn, when string) {
	t.Helper()
	var diff string
	if err := conn.QueryRow(ctx, sumsQuery).Scan(&diff); err != nil || diff != "" {
		t.Fatalf("%s the sums differ from the counts: %s %v", when, diff, err)
	}
}

// TestSumsFollowCounts: whatever is done to counts, the sums are its sums, and
// what is rolled back is in neither.
func TestSumsFollowCounts(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	url := pgtest.New(t)
	migrate(ctx, t, url)
	makeSample(ctx, t, url)
	conn := connect(ctx, t, url)
	rng := rand.New(rand.NewPCG(3, 4))
	exec := func(q string, args ...any) {
		t.Helper()
		if _, err := conn.Exec(ctx, q, args...); err != nil {
			t.Fatal(err)
		}
	}
	for range 60 {
		from, many := rng.Int64N(5000), rng.Int64N(200)
		rollback := rng.IntN(4) == 0
		if rollback {
			exec("begin")
		}
		switch rng.IntN(5) {
		case 0, 1:
			exec(`insert into ix_sample.counts as c select n, k, s, b, 1 + b % 7 from (values ('one'), ('two')) as ns (n), (values ('blocks'), ('events')) as ks (k),
	(values (''), ('0203')) as ss (s), generate_series($1::bigint, $2) b on conflict (network, kind, scope, bucket) do update set n = c.n + excluded.n`, from, from+many)
		case 2:
			exec(`update ix_sample.counts set n = n - 1 where bucket between $1 and $2 and n > 0`, from, from+many)
		case 3:
			exec(`delete from ix_sample.counts where bucket between $1 and $2 and kind = 'blocks'`, from, from+many)
		case 4:
			exec(`update ix_sample.counts set n = 0 where network = 'two' and bucket > $1`, 4000+from/5)
		}
		if rollback {
			exec("rollback")
		}
		checkSums(ctx, t, conn, "after a step")
	}
	exec(`delete from ix_sample.counts where network = 'one'`)
	checkSums(ctx, t, conn, "after a network was emptied")
	var n int64
	if err := conn.QueryRow(ctx, `select coalesce(sum(n), 0) from ix_sample.sums where network = 'two' and width = 1024`).Scan(&n); err != nil || n == 0 {
		t.Errorf("%d rows are counted, %v: nothing was tested", n, err)
	}
}

// TestSumsOfBefore: an index that was there before its counts were summed up has
// the sums of what it holds.
func TestSumsOfBefore(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	migrate(ctx, t, pgtest.New(t)) // makes the server's roles
	old := pgtest.New(t)
	conn := connect(ctx, t, old)
	previous, err := os.ReadFile(previousFile)
	if err != nil {
		t.Fatal(err)
	}
	const rows = `insert into ix_sample.counts select 'n', k, s, b, 1000 - b % 3 from (values ('blocks'), ('events')) as ks (k), (values (''), ('0203')) as ss (s), generate_series(0, 3000) b`
	for _, q := range []string{string(previous), rows} {
		if _, err := conn.PgConn().Exec(ctx, q).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	migrate(ctx, t, old)
	after := connect(ctx, t, old)
	checkSums(ctx, t, after, "after the migration")
	if _, err := after.Exec(ctx, `update ix_sample.counts set n = n + 5`); err != nil {
		t.Fatal(err)
	}
	checkSums(ctx, t, after, "after a change")
}
