package casper

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/run"
	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// filler fetches blocks that no node streams any more, over JSON-RPC, lowest
// first. What it makes of a block has the shape of the node's own events, with
// the node's bytes inside: one DeployProcessed or TransactionProcessed for each
// of its deploys and transactions, then the BlockAdded. Finality signatures,
// steps and the time of acceptance cannot be had this way.
type filler struct {
	s       *Source
	clients []*jsonrpc.Client
	current int
	out     chan<- received

	mu    sync.Mutex // guards what sameChain remembers
	asked time.Time
	wrong error
}

// gapPatience: a height must be missing for that long, since several streams
// are rarely in step.
const gapPatience = 2 * time.Second

func newFiller(s *Source, urls []string, out chan<- received) (*filler, error) {
	f := &filler{s: s, out: out}
	for _, u := range urls {
		c, err := jsonrpc.New(u, jsonrpc.Options{})
		if err != nil {
			return nil, err
		}
		f.clients = append(f.clients, c)
	}
	return f, nil
}

// sameChain asks the JSON-RPC endpoints for block 0 and returns an error when
// one of them serves another chain's. An endpoint that does not answer, or has
// forgotten block 0, does not count: the blocks of a stream are checked one by
// one all the same. The answer holds for a few seconds.
func (f *filler) sameChain(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.asked) < 3*time.Second {
		return f.wrong
	}
	f.wrong = nil
	for _, c := range f.clients {
		ask, cancel := context.WithTimeout(ctx, 5*time.Second)
		e, _, err := fetchBlock(ask, c, 0)
		cancel()
		if err != nil {
			continue
		}
		theirs, err := hex.DecodeString(e.Block.Hash)
		if err != nil {
			continue
		}
		if ours := f.s.Bind(theirs); !bytes.Equal(ours, theirs) {
			f.wrong = &ConflictError{fmt.Sprintf("%s has genesis %x, but what is stored under this network's name began with genesis %x: "+
				"another chain needs another name", c.Name(), theirs, ours)}
		}
	}
	f.asked = time.Now()
	return f.wrong
}

// run fills gaps until ctx ends.
func (f *filler) run(ctx context.Context) {
	backoff := run.Backoff{Min: time.Second, Max: time.Minute}
	said := ""
	for last := uint64(0); ; {
		height, ok := f.s.wanted()
		// The lowest of many missing heights, or one that was missing before.
		if !ok || height != last && height != last+1 {
			last = height
			if !pause(ctx, gapPatience) {
				return
			}
			continue
		}
		last = height
		err := f.fill(ctx, height)
		if ctx.Err() != nil {
			return
		}
		f.s.obs.Filled(err)
		if err == nil {
			backoff.Reset()
			said = ""
			continue
		}
		f.current++
		if text := err.Error(); text != said {
			said = text
			f.s.log.Warn("a missing block could not be fetched", zap.Uint64("height", height), zap.Error(err))
		}
		if backoff.Wait(ctx) != nil {
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// fill fetches one block with its deploys and hands them out.
func (f *filler) fill(ctx context.Context, height uint64) error {
	c := f.clients[f.current%len(f.clients)]
	block, hashes, err := fetchBlock(ctx, c, height)
	if err != nil {
		return err
	}
	// The block is checked before anything of it is stored.
	if err := f.s.fits(received{Event: block}); err != nil {
		return fmt.Errorf("%s: %w", c.Name(), err)
	}
	events := make([]Event, 0, len(hashes)+1)
	for _, h := range hashes {
		e, err := fetchProcessed(ctx, c, h)
		if err != nil {
			return fmt.Errorf("block %d: %w", height, err)
		}
		events = append(events, e)
	}
	for _, e := range append(events, block) {
		verdict := make(chan error, 1)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case f.out <- received{Event: e, verdict: verdict}:
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-verdict:
			if err != nil {
				return err
			}
		}
	}
	return nil
}
