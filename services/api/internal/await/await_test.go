package await

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/services/api/internal/store"
)

const partition = "chain.v1.dev.0123456789abcdef"

// level makes a board that was told a position by a hint of an epoch.
func level(pos uint64) *Board {
	b := New()
	n := b.of("dev")
	n.partition, n.epoch = partition, "e"
	n.move(pos, int64(pos))
	return b
}

func hint(prev, pos uint64, rows ...*feedv1.Row) *feedv1.Hint {
	return &feedv1.Hint{Partition: partition, Epoch: "e", PrevPos: prev, Pos: pos, Head: pos, Rows: rows}
}

// TestTxIsToldByAHint: one look at the beginning, none more while hints carry
// their rows.
func TestTxIsToldByAHint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := level(1)
		hash, looks := [32]byte{1}, 0
		type result struct {
			need store.Need
			err  error
		}
		done := make(chan result, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		go func() {
			need, err := b.Tx(ctx, "dev", hash, func(context.Context) (store.Need, bool, error) { looks++; return store.Need{}, false, nil })
			done <- result{need, err}
		}()
		synctest.Wait()
		other := &feedv1.Row{Kind: &feedv1.Row_Event{Event: &feedv1.Event{TxHash: make([]byte, 32)}}}
		for pos := uint64(2); pos < 50; pos++ {
			b.OnHint("dev", hint(pos-1, pos, other))
			synctest.Wait()
		}
		b.OnHint("dev", hint(49, 50, other, &feedv1.Row{Kind: &feedv1.Row_Event{Event: &feedv1.Event{TxHash: hash[:]}}}))
		got := <-done
		if got.err != nil || got.need.Pos != 50 || got.need.Epoch != "e.01234567" || looks != 1 {
			t.Errorf("%+v after %d looks", got, looks)
		}
		if n := b.of("dev"); len(n.txs) != 0 || b.waiting != 0 {
			t.Errorf("%d waiters are left, %d are counted", len(n.txs), b.waiting)
		}
	})
}

// TestTxIsLookedForAfterAGap: rows that no hint told are looked for, not more
// often than twice a second.
func TestTxIsLookedForAfterAGap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := level(1)
		looks := 0
		began := time.Now()
		done := make(chan error, 1)
		go func() {
			_, err := b.Tx(t.Context(), "dev", [32]byte{1}, func(context.Context) (store.Need, bool, error) {
				looks++
				return store.Need{Pos: 7}, time.Since(began) > 2*time.Second, nil
			})
			done <- err
		}()
		for pos := uint64(2); ; pos++ {
			h := hint(pos-1, pos)
			h.RowsLeftOut = true
			b.OnHint("dev", h)
			time.Sleep(10 * time.Millisecond) // the bubble's own time
			select {
			case err := <-done:
				if err != nil || looks > 6 {
					t.Errorf("%v after %d looks", err, looks)
				}
				return
			default:
			}
		}
	})
}

func TestWaitsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := level(5)
		if need, err := b.Block(t.Context(), "dev", 5); err != nil || need.Pos != 5 {
			t.Errorf("%+v %v", need, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.Block(ctx, "dev", 6); !errors.Is(err, ErrLate) {
			t.Errorf("a block that never comes: %v", err)
		}
		if _, err := b.Tx(ctx, "dev", [32]byte{}, func(context.Context) (store.Need, bool, error) { return store.Need{}, false, nil }); !errors.Is(err, ErrLate) {
			t.Errorf("a transaction that never comes: %v", err)
		}
		done := make(chan error, 1)
		go func() { _, err := b.Block(t.Context(), "dev", 6); done <- err }()
		synctest.Wait()
		b.OnHint("dev", hint(5, 6))
		if err := <-done; err != nil {
			t.Error(err)
		}
		b.waiting = maxWaiting
		if _, err := b.Block(t.Context(), "dev", 1); !errors.Is(err, ErrFull) {
			t.Errorf("one too many: %v", err)
		}
	})
}
