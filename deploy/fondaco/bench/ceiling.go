package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"fondaco.dev/pkg/embedded/natsd"
	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/topology"
)

// logsSpan is the width of the getLogs ceiling's windows: 20,000 logs at 100 a
// block, about what an indexer asks for.
const logsSpan = 200

// getLogs asks a node for all logs of a load and drops the answers: no indexer
// that asks for logs can be faster.
func getLogs(ctx context.Context, l Load) (time.Duration, error) {
	began := time.Now()
	for from := l.Start; from <= l.Last; from += logsSpan {
		body := request("eth_getLogs", 1, logsOf(l, from, min(l.Last, from+logsSpan-1)))
		if err := ask(ctx, l.URL, body, nil); err != nil {
			return 0, fmt.Errorf("asking for all logs: %w", err)
		}
	}
	return time.Since(began), nil
}

// bareCopy writes the rows of a finished index once more, ready encoded, into
// tables of the same columns and indexes: in as many transactions as the writer
// took, each of which moves a cursor. cpu is the database's part of it.
func (w *world) bareCopy(ctx context.Context, r *backfill) (took, cpu time.Duration, err error) {
	ix, commits := "ix_"+r.build, max(1, int(r.commits))
	exec := func(q string) error {
		_, err := w.conn.Exec(ctx, q)
		return err
	}
	for _, q := range []string{
		`create schema if not exists bare`,
		`drop table if exists bare.events, bare.blocks, bare.cursors`,
		fmt.Sprintf(`create table bare.events (like %s.events including all)`, ix),
		fmt.Sprintf(`create table bare.blocks (like %s.blocks including all)`, ix),
		`create table bare.cursors (like ctl.cursors including all)`,
		`insert into bare.cursors select * from ctl.cursors where number is not null`,
	} {
		if err := exec(q); err != nil {
			return 0, 0, fmt.Errorf("preparing the bare tables: %w", err)
		}
	}
	const bounds = `select coalesce(min(block_number), 0), coalesce(max(block_number), 0) from %s.events`
	var first, last int64
	if err := w.conn.QueryRow(ctx, fmt.Sprintf(bounds, ix)).Scan(&first, &last); err != nil {
		return 0, 0, fmt.Errorf("reading the bounds: %w", err)
	}
	type batch struct{ blocks, events []byte }
	batches := make([]batch, commits)
	out := func(table, column string, from, to int64) ([]byte, error) {
		var buf bytes.Buffer
		q := fmt.Sprintf("copy (select * from %s.%s where %s >= %d and %s < %d order by pos) to stdout (format binary)", ix, table, column, from, column, to)
		_, err := w.conn.PgConn().CopyTo(ctx, &buf, q)
		return buf.Bytes(), err
	}
	for i := range batches {
		from, to := first+(last+1-first)*int64(i)/int64(commits), first+(last+1-first)*int64(i+1)/int64(commits)
		var err error
		if batches[i].blocks, err = out("blocks", "number", from, to); err != nil {
			return 0, 0, fmt.Errorf("reading blocks: %w", err)
		}
		if batches[i].events, err = out("events", "block_number", from, to); err != nil {
			return 0, 0, fmt.Errorf("reading events: %w", err)
		}
	}
	base := databaseCPU()
	began := time.Now()
	for i, b := range batches {
		err := pgx.BeginFunc(ctx, w.conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `update bare.cursors set seq = seq + 1, number = $1`, i); err != nil {
				return err
			}
			for table, data := range map[string][]byte{"blocks": b.blocks, "events": b.events} {
				if _, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(data), "copy bare."+table+" from stdin (format binary)"); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return 0, 0, fmt.Errorf("copying bare rows: %w", err)
		}
	}
	took = time.Since(began)
	return took, databaseCPU() - base, nil
}

// publish stores the messages of the run once more in an empty stream of a
// server with the same settings, one after the other as a fenced publisher must.
func (w *world) publish(ctx context.Context) (took time.Duration, messages, size int, err error) {
	msgs, err := w.stream(ctx)
	if err != nil {
		return 0, 0, 0, err
	}
	dir, err := os.MkdirTemp(w.dir.Path(), "publish-*")
	if err != nil {
		return 0, 0, 0, err
	}
	srv, err := natsd.Start(natsd.Config{Dir: filepath.Join(dir, "nats")}, zap.NewNop())
	if err != nil {
		return 0, 0, 0, err
	}
	defer srv.Stop()
	nc, err := nats.Connect(srv.URL())
	if err != nil {
		return 0, 0, 0, err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return 0, 0, 0, err
	}
	if _, err := js.CreateStream(ctx, topology.Streams()[0]); err != nil {
		return 0, 0, 0, fmt.Errorf("making the stream: %w", err)
	}
	began := time.Now()
	last := uint64(0)
	for _, m := range msgs {
		ack, err := js.Publish(ctx, w.subject, m, jetstream.WithExpectLastSequencePerSubject(last), jetstream.WithMsgID(fmt.Sprint(last)))
		if err != nil {
			return 0, 0, 0, fmt.Errorf("publishing: %w", err)
		}
		last = ack.Sequence
		size += len(m)
	}
	return time.Since(began), len(msgs), size, nil
}

// stream reads every message of the run's subject.
func (w *world) stream(ctx context.Context) (msgs [][]byte, err error) {
	b, err := w.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	last, err := b.Last(ctx, chainv1.Stream, w.subject)
	if err != nil || last == nil {
		return nil, fmt.Errorf("reading the stream's end: %w", err)
	}
	f := b.Follow(ctx, chainv1.Stream, []string{w.subject}, 1)
	defer f.Close()
	for {
		got, err := f.Next(ctx, 32<<20)
		if err != nil {
			return nil, err
		}
		for _, m := range got {
			msgs = append(msgs, m.Data)
			if m.Seq >= last.Seq {
				return msgs, nil
			}
		}
	}
}

// counter reads the sum of a counter from a program's metrics.
func counter(admin, name string) (int64, error) {
	sum, err := gauge(admin, name)
	return int64(sum), err
}

// gauge is counter for values that are not whole.
func gauge(admin, name string) (sum float64, err error) {
	resp, err := http.Get(admin + "/metrics")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if f := strings.Fields(lines.Text()); len(f) == 2 && (f[0] == name || strings.HasPrefix(f[0], name+"{")) {
			v, err := strconv.ParseFloat(f[1], 64)
			if err != nil {
				return 0, err
			}
			sum += v
		}
	}
	return sum, lines.Err()
}
