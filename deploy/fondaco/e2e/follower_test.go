package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"fondaco.dev/services/api/client/go/live"
)

// told is one fact as a client got it.
type told struct {
	op   string
	seq  uint64
	data string // keys in order, without what a later moment says otherwise
}

// follower is a client that has followed one channel from its beginning,
// whatever happened to its connection.
type follower struct {
	name    string
	request live.Request
	url     string
	token   string

	mu   sync.Mutex
	got  []told
	lost int // connections
	err  error
}

// follow starts one until ctx ends; wait waits for its end.
func follow(ctx context.Context, wait *sync.WaitGroup, f *follower) *follower {
	// Before the first fact, whose position is above 1 in every feed.
	f.request.From = live.Position{Seq: 1}
	o := live.Options{URL: f.url, Token: f.token, MinWait: 20 * time.Millisecond, MaxWait: 200 * time.Millisecond, Quiet: 15 * time.Second,
		Lost: func(error) { f.mu.Lock(); f.lost++; f.mu.Unlock() }}
	wait.Go(func() {
		_, err := live.Follow(ctx, o, f.request, f.take)
		f.mu.Lock()
		defer f.mu.Unlock()
		if ctx.Err() == nil {
			f.err = err
		}
	})
	return f
}

func (f *follower) take(fr live.Frame) error {
	if fr.Op == "reset" {
		return errors.New("was told that all it holds is of another life")
	}
	data, err := stable(fr.Data)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got = append(f.got, told{fr.Op, fr.Seq, data})
	return nil
}

// stable is a JSON object with its keys in order and without "finalized".
func stable(data []byte) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v map[string]any
	if err := dec.Decode(&v); err != nil {
		return "", fmt.Errorf("reading %q: %w", data, err)
	}
	delete(v, "finalized")
	out, err := json.Marshal(v)
	return string(out), err
}

// all is what it has, and how often its connection was lost.
func (f *follower) all() ([]told, int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.got), f.lost, f.err
}

// holds compares what a client got with what there is: every fact once, in
// order, nothing else.
func holds(got, want []told) error {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Errorf("fact %d of %d is %s %d %.300s, want %s %d %.300s", i, len(want), got[i].op, got[i].seq, got[i].data, want[i].op, want[i].seq, want[i].data)
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d facts, want %d", len(got), len(want))
	}
	return nil
}

// pager reads the final events page by page while more of them come, and asks
// its last page again at the end.
type pager struct {
	base   string
	cursor string
	seen   int      // rows of the page that cursor begins
	rows   []string // "height/hash/log"
	failed int      // requests that were asked again
}

func (p *pager) step(ctx context.Context) error {
	to := p.base + "/v1/networks/dev/events?order=asc&limit=20&finality=finalized"
	if p.cursor != "" {
		to += "&cursor=" + p.cursor
	}
	a, err := call(ctx, http.MethodGet, to, "", nil)
	if err != nil || a.code >= 500 {
		p.failed++
		return nil
	}
	var page struct {
		Data []event
		Next *string
		More bool
	}
	if err := json.Unmarshal(a.body, &page); err != nil || a.code != http.StatusOK {
		return fmt.Errorf("a page is %d %.200s: %w", a.code, a.body, err)
	}
	for i, e := range page.Data {
		if i < p.seen {
			if was := p.rows[len(p.rows)-p.seen+i]; was != e.key() {
				return fmt.Errorf("row %d of a page was %s and is %s", i, was, e.key())
			}
			continue
		}
		p.rows = append(p.rows, e.key())
		p.seen++
	}
	if p.seen > len(page.Data) && len(page.Data) < 20 && page.Next == nil {
		return nil // another replica is behind this one, which is allowed
	}
	if page.More && page.Next != nil {
		p.cursor, p.seen = *page.Next, 0
	}
	return nil
}

// run pages until stop is closed and then until it holds as many rows as there
// are.
func (p *pager) run(ctx context.Context, stop <-chan int) error {
	want := -1
	for want < 0 || len(p.rows) < want {
		if err := p.step(ctx); err != nil {
			return err
		}
		select {
		case n := <-stop:
			want = n
		case <-ctx.Done():
			return fmt.Errorf("%d rows, want %d: %w", len(p.rows), want, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// grown waits until every follower has n facts more than now.
func grown(t *testing.T, limit time.Duration, n int, all []*follower) {
	t.Helper()
	had := make([]int, len(all))
	for i, f := range all {
		got, _, _ := f.all()
		had[i] = len(got)
	}
	for i, f := range all {
		eventually(t, limit, f.name+" to be told more", func() error {
			got, _, err := f.all()
			if err == nil && len(got) < had[i]+n {
				err = fmt.Errorf("%d facts after %d", len(got), had[i])
			}
			return err
		})
	}
}
