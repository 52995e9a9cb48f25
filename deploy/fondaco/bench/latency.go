package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/jackc/pgx/v5"
)

// latency is how long a new block takes from the node's head on.
type latency struct {
	samples    int
	row, frame []time.Duration // sorted
}

// at is a percentile, 0 < p <= 1.
func at(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*p))]
}

// follow mines blocks of 100 logs, one every period, and sees when the last log
// of each is a row, and when its frame is in a client's hands. The world has
// indexed the chain already.
func (w *world) follow(ctx context.Context, d *helper, r *backfill, api *program, samples int, period time.Duration) (*latency, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	const txs, logs = 10, 10
	var mu sync.Mutex
	type place struct {
		number uint64
		index  int // of the log, -1 for the block's rows
	}
	var mined []Mined
	seen := map[place]time.Time{}
	note := func(number uint64, index int, t time.Time) {
		mu.Lock()
		defer mu.Unlock()
		if _, ok := seen[place{number, index}]; !ok {
			seen[place{number, index}] = t
		}
	}
	socket, _, err := websocket.Dial(ctx, strings.Replace(api.http, "http", "ws", 1)+"/v1/ws", nil)
	if err != nil {
		return nil, fmt.Errorf("opening a WebSocket: %w", err)
	}
	defer func() { _ = socket.CloseNow() }()
	socket.SetReadLimit(32 << 20)
	subscribe := fmt.Sprintf(`{"op":"subscribe","id":1,"channel":"events","network":%q}`, network)
	if err := socket.Write(ctx, websocket.MessageText, []byte(subscribe)); err != nil {
		return nil, err
	}
	if _, text, err := socket.Read(ctx); err != nil || !strings.Contains(string(text), "subscribed") {
		return nil, fmt.Errorf("subscribing: %s %w", text, err)
	}
	conn, err := pgx.Connect(ctx, w.infra.OwnerURL().Reveal())
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var readers sync.WaitGroup
	defer readers.Wait() // before the connection that one of them reads from is closed
	defer cancel()
	readers.Go(func() {
		for {
			_, text, err := socket.Read(ctx)
			now := time.Now()
			if err != nil {
				return
			}
			var f struct {
				Data struct {
					Number uint64 `json:"block_number"`
					Index  int    `json:"log_index"`
				}
			}
			if json.Unmarshal(text, &f) == nil && f.Data.Index%logs == logs-1 {
				note(f.Data.Number, f.Data.Index, now)
			}
		}
	})
	readers.Go(func() {
		q := fmt.Sprintf("select max(block_number) from ix_%s.events", r.build)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for last := r.load.Last; ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			var n int64
			if conn.QueryRow(ctx, q).Scan(&n) != nil {
				continue
			}
			for now := time.Now(); last < uint64(n); {
				last++
				note(last, -1, now)
			}
		}
	})
	tick := time.NewTicker(period)
	defer tick.Stop()
	for range samples {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
		m, err := d.mine(txs, logs)
		if err != nil {
			return nil, fmt.Errorf("mining: %w", err)
		}
		if m.Logs > 0 {
			mined = append(mined, m)
		}
	}
	if err := w.until(ctx, 30*time.Second, 10*time.Millisecond, func() (bool, string) {
		mu.Lock()
		defer mu.Unlock()
		for _, m := range mined {
			_, row := seen[place{m.Number, -1}]
			if _, frame := seen[place{m.Number, m.Logs - 1}]; !row || !frame {
				return false, fmt.Sprintf("block %d with %d logs: row %v, frame of its last log %v", m.Number, m.Logs, row, frame)
			}
		}
		return true, ""
	}); err != nil {
		return nil, err
	}
	l := &latency{samples: len(mined)}
	mu.Lock()
	defer mu.Unlock()
	for _, m := range mined {
		at := time.Unix(0, m.At)
		l.row = append(l.row, seen[place{m.Number, -1}].Sub(at))
		l.frame = append(l.frame, seen[place{m.Number, m.Logs - 1}].Sub(at))
	}
	slices.Sort(l.row)
	slices.Sort(l.frame)
	return l, nil
}
