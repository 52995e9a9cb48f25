package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"google.golang.org/protobuf/proto"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// backfill is what an indexing of a whole load took.
type backfill struct {
	load    Load
	wall    time.Duration // first request to the node -> last row committed
	handler time.Duration // first request -> last message stored; staged only
	writer  time.Duration // cursor row made -> last row committed; staged only
	marks   []time.Duration
	peaks   map[string]int64         // bytes of memory by service
	cpu     map[string]time.Duration // processor time by service, and "postgres"
	build   string
	commits int64 // transactions of the writer, by its metric
}

func (r *backfill) rate() float64 { return float64(r.load.Logs) / r.wall.Seconds() }

// Names of what else takes processor time.
const (
	cpuPostgres = "postgres"
	cpuSelf     = "nats, with this program"
	cpuNode     = "the node"
)

// shared is the processor time up to now of what the services stand on.
func (w *world) shared() map[string]time.Duration {
	m := map[string]time.Duration{cpuPostgres: databaseCPU()}
	if p, err := readProcess(os.Getpid()); err == nil {
		m[cpuSelf] = p.own
	}
	if p, err := readProcess(w.node.proc.Pid()); err == nil {
		m[cpuNode] = p.own
	}
	return m
}

func (r *backfill) used(from, to map[string]time.Duration) {
	for name := range to {
		r.cpu[name] = to[name] - from[name]
	}
}

// firstRequest asks when the node was asked first.
type firstRequest func() (time.Time, error)

// replayFirst asks a Replay.
func replayFirst(url string) firstRequest {
	return func() (time.Time, error) {
		resp, err := http.Get(url + "/stats")
		if err != nil {
			return time.Time{}, err
		}
		defer resp.Body.Close()
		var s Served
		if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
			return time.Time{}, err
		}
		return time.Unix(0, s.FirstNS), nil
	}
}

// run indexes a load in an empty world with all services at once. step is the
// number of logs between two marks, 0 = none.
func (w *world) run(ctx context.Context, name string, l Load, first firstRequest, step int) (*backfill, error) {
	r := &backfill{load: l, peaks: map[string]int64{}, cpu: map[string]time.Duration{}}
	base := w.shared()
	for _, s := range []string{"writer", "api"} {
		p, err := w.start(s)
		if err != nil {
			return nil, err
		}
		if err := w.ready(ctx, p); err != nil {
			return nil, err
		}
	}
	if _, err := w.start("event-handler"); err != nil {
		return nil, err
	}
	if err := w.live(ctx, r); err != nil {
		return nil, err
	}
	for _, p := range w.procs {
		w.profile(p, name, w.b.profileFor(l))
	}
	perBlock := max(1, l.Logs/l.Blocks())
	var seen []time.Time
	last, err := w.rows(ctx, l, func(number uint64) {
		for step > 0 && int(number-l.Start+1)*perBlock >= (len(seen)+1)*step {
			seen = append(seen, time.Now())
		}
	})
	if err != nil {
		return nil, err
	}
	r.used(base, w.shared())
	began, err := first()
	if err != nil {
		return nil, err
	}
	r.wall = last.Sub(began)
	for i, t := range seen {
		from := began
		if i > 0 {
			from = seen[i-1]
		}
		r.marks = append(r.marks, t.Sub(from))
	}
	return r, w.finish(ctx, r)
}

// staged fills the stream before the writer starts, so that each has the
// machine for itself.
func (w *world) staged(ctx context.Context, name string, l Load, first firstRequest) (*backfill, error) {
	r := &backfill{load: l, peaks: map[string]int64{}, cpu: map[string]time.Duration{}}
	handler, err := w.start("event-handler")
	if err != nil {
		return nil, err
	}
	b, err := w.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	w.profile(handler, name, w.b.profileFor(l))
	var stored time.Time
	if err := w.until(ctx, 10*time.Minute, 2*time.Millisecond, func() (bool, string) {
		m, err := b.Last(ctx, chainv1.Stream, w.subject)
		if m == nil || err != nil {
			return false, fmt.Sprint("nothing is stored: ", err)
		}
		var pack chainv1.Pack
		if err := proto.Unmarshal(m.Data, &pack); err != nil {
			return false, err.Error()
		}
		stored = time.Now()
		return pack.GetResume().GetHead() >= l.Last, fmt.Sprintf("stored up to %d of %d", pack.GetResume().GetHead(), l.Last)
	}); err != nil {
		return nil, err
	}
	began, err := first()
	if err != nil {
		return nil, err
	}
	r.handler = stored.Sub(began)
	r.cpu[handler.name] = handler.cpu()
	handler.stop()
	writer, err := w.start("writer")
	if err != nil {
		return nil, err
	}
	if err := w.live(ctx, r); err != nil {
		return nil, err
	}
	began = time.Now()
	base := w.shared()
	w.profile(writer, name, w.b.profileFor(l))
	last, err := w.rows(ctx, l, func(uint64) {})
	if err != nil {
		return nil, err
	}
	r.used(base, w.shared())
	r.writer, r.wall = last.Sub(began), r.handler+last.Sub(began)
	return r, w.finish(ctx, r)
}

// live waits until the writer has made the build.
func (w *world) live(ctx context.Context, r *backfill) error {
	const q = `select build from ctl.deployments`
	return w.until(ctx, time.Minute, 2*time.Millisecond, func() (bool, string) {
		err := w.conn.QueryRow(ctx, q).Scan(&r.build)
		return err == nil, fmt.Sprint("no build: ", err)
	})
}

// rowsEvery is how often the cursor is looked at: every look is a query, and at
// 200 a second they were a microsecond of every log.
const rowsEvery = 20 * time.Millisecond

// rows waits until the cursor is at the load's end, and returns when that was
// seen.
func (w *world) rows(ctx context.Context, l Load, at func(number uint64)) (end time.Time, err error) {
	const q = `select coalesce(max(number), 0) from ctl.cursors where partition = $1`
	err = w.until(ctx, 30*time.Minute, rowsEvery, func() (bool, string) {
		var number int64
		if err := w.conn.QueryRow(ctx, q, w.subject).Scan(&number); err != nil {
			return false, err.Error()
		}
		end = time.Now()
		at(uint64(number))
		return uint64(number) >= l.Last, fmt.Sprintf("rows up to block %d of %d", number, l.Last)
	})
	return end, err
}

// finish counts the rows, and takes the peaks before the programs end.
func (w *world) finish(ctx context.Context, r *backfill) error {
	for _, p := range w.procs {
		if r.cpu[p.name] == 0 {
			r.cpu[p.name] = p.cpu()
		}
	}
	var n int
	if err := w.conn.QueryRow(ctx, fmt.Sprintf("select count(*) from ix_%s.events where decode_error = '' and event = 'Transfer'", r.build)).Scan(&n); err != nil {
		return fmt.Errorf("counting the rows: %w", err)
	}
	if n != r.load.Logs {
		return fmt.Errorf("%d rows, want %d: the figures of a wrong index are worth nothing", n, r.load.Logs)
	}
	w.b.profiles.Wait()
	for _, p := range w.procs {
		if p.name == "writer" {
			r.commits, _ = counter(p.admin, "fondaco_writer_batches_total")
		}
		p.stop()
		r.peaks[p.name] = p.peak
		w.b.peak(p.name, p.peak)
	}
	return nil
}
