package casper

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/run"
	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// filler fetches over JSON-RPC what no node streams any more: missing blocks,
// lowest first, and the outcomes of deploys that blocks name. What it makes of
// a block has the shape of the node's own events, with the node's bytes inside:
// one DeployProcessed or TransactionProcessed for each of its deploys, a
// FinalitySignature for each proof, the BlockAdded. Steps, messages of contracts
// and the time of acceptance cannot be had this way.
//
// Lowest first, because then one number says after a crash what is done, and
// because the rows of a chain that is being read in are a prefix of it. A
// backfill of a long chain and a gap of three blocks are the same thing.
type filler struct {
	s       *Source
	clients []*jsonrpc.Client
	out     chan<- received

	mu      sync.Mutex // guards what follows
	current int        // the client that is asked; moved by a failure
	asked   time.Time  // what sameChain remembers
	wrong   error
}

const (
	// ahead is how many blocks are fetched at once; they are handed out in order.
	ahead = 4
	// atOnce is how many deploys of a block are asked for at once.
	atOnce = 4
	// perSecond is the default bound on calls of one endpoint: half of what a node
	// grants (qps_limit = 100 in its configuration).
	perSecond = 50
)

func newFiller(s *Source, endpoints []Endpoint, out chan<- received) (*filler, error) {
	f := &filler{s: s, out: out}
	for _, e := range endpoints {
		if e.PerSecond == 0 {
			e.PerSecond = perSecond
		}
		c, err := jsonrpc.New(e.URL, jsonrpc.Options{PerSecond: e.PerSecond})
		if err != nil {
			return nil, err
		}
		f.clients = append(f.clients, c)
	}
	return f, nil
}

// client is the endpoint to ask now.
func (f *filler) client() *jsonrpc.Client {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.clients[f.current%len(f.clients)]
}

// failed moves on to the next endpoint, unless somebody did already.
func (f *filler) failed(c *jsonrpc.Client, err error) {
	f.told(c, nil, err)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.clients[f.current%len(f.clients)] == c {
		f.current++
	}
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
		got, err := fetchBlock(ask, c, 0)
		cancel()
		if err != nil {
			if ctx.Err() == nil {
				f.told(c, nil, err)
			}
			continue
		}
		theirs, err := hex.DecodeString(got.block.Block.Hash)
		if err != nil {
			continue
		}
		if ours := f.s.Bind(theirs); !bytes.Equal(ours, theirs) {
			f.wrong = &ConflictError{fmt.Sprintf("%s has genesis %x, but what is stored under this network's name began with genesis %x: "+
				"another chain needs another name", c.Name(), theirs, ours)}
			f.told(c, nil, f.wrong)
			continue
		}
		f.told(c, nil, nil)
	}
	f.asked = time.Now()
	return f.wrong
}

// run fills what is missing until ctx ends.
func (f *filler) run(ctx context.Context) {
	backoff := run.Backoff{Min: time.Second, Max: time.Minute}
	said := ""
	for next := uint64(0); ; {
		did, err := f.pay(ctx)
		lo, hi, ok := f.s.wanted()
		switch {
		case err != nil:
		case ok && lo == next:
			did = true
			next, err = f.fill(ctx, lo, min(hi, lo+8*ahead-1))
		case ok: // a height that is still missing after a pause is fetched
			did, next = false, lo
		case !did:
			if did, err = f.proofs(ctx); err == nil && !did {
				did, err = f.tip(ctx)
			}
		}
		if err == nil && !did && !pause(ctx, f.s.set.Patience) {
			return
		}
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			backoff.Reset()
			said = ""
			continue
		}
		f.s.obs.Filled(err)
		if text := err.Error(); text != said {
			said = text
			f.s.log.Warn("what is missing could not be fetched", zap.Uint64("height", next), zap.Error(err))
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

// fill fetches the blocks lo..hi, several at once, and hands them out in order.
// It returns the height after the last one that was taken.
func (f *filler) fill(ctx context.Context, lo, hi uint64) (next uint64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	type answer struct {
		fetched
		err error
	}
	answers := make([]chan answer, hi-lo+1)
	for i := range answers {
		answers[i] = make(chan answer, 1)
	}
	room := make(chan struct{}, ahead) // taken by a block until it is handed out
	wg.Go(func() {
		for i := range answers {
			select {
			case <-ctx.Done():
				return
			case room <- struct{}{}:
			}
			wg.Go(func() {
				got, err := f.fetch(ctx, lo+uint64(i))
				answers[i] <- answer{got, err}
			})
		}
	})
	for i := range answers {
		select {
		case <-ctx.Done():
			return lo + uint64(i), ctx.Err()
		case a := <-answers[i]:
			if a.err == nil {
				a.err = f.hand(ctx, a.events())
			}
			if a.err != nil {
				return lo + uint64(i), a.err
			}
			f.s.obs.Filled(nil)
		}
		<-room
	}
	return hi + 1, nil
}

// fetch gets one block with the outcomes of its deploys.
func (f *filler) fetch(ctx context.Context, height uint64) (got fetched, err error) {
	c := f.client()
	defer func() {
		if err != nil && ctx.Err() == nil {
			f.failed(c, err)
		}
	}()
	if got, err = fetchBlock(ctx, c, height); err != nil {
		return got, err
	}
	f.told(c, got.block.Block, nil)
	return got, f.complete(ctx, c, &got)
}

// complete checks a block and fetches the outcomes of its deploys.
func (f *filler) complete(ctx context.Context, c *jsonrpc.Client, got *fetched) error {
	// The block is checked before anything of it is stored.
	if err := f.s.fits(received{Event: got.block}); err != nil {
		return fmt.Errorf("%s: %w", c.Name(), err)
	}
	names := got.block.Names
	got.outcomes = make([]Event, len(names))
	errs := make([]error, len(names))
	room := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, h := range names {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			got.outcomes[i], errs[i] = fetchProcessed(ctx, c, h)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("block %d: %w", got.block.Block.Height, err)
	}
	return nil
}

// pay fetches outcomes that are owed.
func (f *filler) pay(ctx context.Context) (did bool, err error) {
	due := f.s.due(4 * atOnce)
	for _, h := range due {
		c := f.client()
		e, err := fetchProcessed(ctx, c, h)
		if err == nil {
			err = f.hand(ctx, []Event{e})
		}
		if ctx.Err() != nil {
			return did, ctx.Err()
		}
		f.s.obs.Paid(err)
		if err != nil {
			f.failed(c, err)
			if f.s.unpaid(h) {
				f.s.log.Error("the outcome of a deploy is given up: no node has it", zap.String("deploy", h.hash()), zap.Error(err))
			}
		}
	}
	return len(due) > 0, nil
}

// tip asks for the newest block when the streams have told none for a while: a
// node that is still joining streams nothing, and JSON-RPC may know more.
func (f *filler) tip(ctx context.Context) (did bool, err error) {
	if !f.s.quiet() {
		return false, nil
	}
	// Of an empty subject this may be the first block, which binds it.
	if err := f.sameChain(ctx); err != nil {
		return false, err
	}
	c := f.client()
	got, err := fetchTip(ctx, c)
	if err == nil {
		f.told(c, got.block.Block, nil)
	}
	if err == nil && f.s.has(got.block) {
		return false, nil
	}
	if err == nil {
		if err = f.complete(ctx, c, &got); err == nil {
			err = f.hand(ctx, got.events())
		}
	}
	if err != nil {
		f.failed(c, err)
		return false, fmt.Errorf("asking for the newest block: %w", err)
	}
	f.s.obs.Filled(nil)
	return true, nil
}

// hand gives events to the source, one by one.
func (f *filler) hand(ctx context.Context, events []Event) error {
	for _, e := range events {
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
