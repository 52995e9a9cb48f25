package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// tapeRun is what `orderbook bench --json` prints.
type tapeRun struct {
	PerCommand    float64 `json:"ns_per_command"`
	Min           float64 `json:"min_ns_per_command"`
	Allocs        uint64  `json:"allocs_per_command"`
	BytesPerOrder float64 `json:"heap_bytes_per_resting_order"`
}

// engine measures the engine alone, by tapes.
func (b *Book) engine(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "fondaco-tape-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b.table.section(fmt.Sprintf("the engine alone: accounts, reservations, events as bytes, a digest every 1,000 commands; median of %d runs", b.Repeat))
	for i, resting := range b.Resting {
		most := 45.0
		if i > 0 {
			most = 250
		}
		r, err := b.tape(ctx, dir, resting, "--resting", strconv.Itoa(resting), "--commands", strconv.Itoa(b.Mix))
		if err != nil {
			return err
		}
		name := fmt.Sprintf("50%% new, 40%% cancel, 10%% marketable, %d resting", resting)
		b.table.nanos(name, r.PerCommand, most)
		b.table.nanos("  the fastest run", r.Min, 0)
		b.table.count("  allocations a command", float64(r.Allocs), 0)
	}
	sweep := 5000
	r, err := b.tape(ctx, dir, sweep, "--sweep", strconv.Itoa(sweep))
	if err != nil {
		return err
	}
	b.table.nanos(fmt.Sprintf("one order that takes %d at a price each, a fill", sweep), r.PerCommand/float64(sweep), 0)
	resting := b.Resting[len(b.Resting)-1]
	// Orders only, and one record to measure.
	r, err = b.tape(ctx, dir, resting, "--resting", strconv.Itoa(resting), "--commands", "1")
	if err != nil {
		return err
	}
	b.table.bytes(fmt.Sprintf("memory of a resting order, %d of them, client refs and accounts included", resting), r.BytesPerOrder, 200)
	return nil
}

// tape makes a tape and measures it, without its first records.
func (b *Book) tape(ctx context.Context, dir string, warmup int, args ...string) (r tapeRun, err error) {
	path := filepath.Join(dir, "tape")
	if _, err := b.orderbook(ctx, append([]string{"tape", "--out", path}, args...)...); err != nil {
		return r, err
	}
	out, err := b.orderbook(ctx, "bench", "--tape", path, "--warmup", strconv.Itoa(warmup), "--repeat", strconv.Itoa(b.Repeat), "--json")
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return r, fmt.Errorf("reading the figures: %w", err)
	}
	return r, nil
}

func (b *Book) orderbook(ctx context.Context, args ...string) ([]byte, error) {
	var out, errOut bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(b.Bin, "orderbook"), args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("orderbook %s: %w\n%s", args[0], err, errOut.String())
	}
	return out.Bytes(), nil
}
