package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fondaco.dev/services/api/client/go"
	"fondaco.dev/services/api/client/go/live"
	"fondaco.dev/services/api/internal/apitest"
)

// flaky is a way to the api whose connections can be cut.
type flaky struct {
	ln    net.Listener
	mu    sync.Mutex
	conns []net.Conn
	wg    sync.WaitGroup
}

func newFlaky(t *testing.T, to string) *flaky {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &flaky{ln: ln}
	f.wg.Go(func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", strings.TrimPrefix(to, "http://"))
			if err != nil {
				_ = client.Close()
				continue
			}
			f.mu.Lock()
			f.conns = append(f.conns, client, server)
			f.mu.Unlock()
			f.wg.Go(func() { _, _ = io.Copy(server, client); _ = server.Close() })
			f.wg.Go(func() { _, _ = io.Copy(client, server); _ = client.Close() })
		}
	})
	t.Cleanup(func() { _ = ln.Close(); f.cut(); f.wg.Wait() })
	return f
}

func (f *flaky) url() string { return "http://" + f.ln.Addr().String() }

// cut ends every connection without a word.
func (f *flaky) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		_ = c.Close()
	}
	f.conns = nil
}

// clientApp is an api with a chain and a book, as the clients' tests want it.
func clientApp(t *testing.T) (*app, *apitest.Chain) {
	t.Helper()
	a := newApp(t)
	c := apitest.NewChain(t, a.db, "dev")
	c.Redis = a.rdb
	c.Blocks(t, 5, 2)
	startEngine(t, a)
	a.start()
	a.ready()
	return a, c
}

// TestGoClient: the generated calls against a real api, and the live feed over
// connections that are cut.
func TestGoClient(t *testing.T) {
	t.Parallel()
	a, chain := clientApp(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c := &fondaco.Client{URL: a.url, Token: "alice-token"}
	page, err := c.ListEvents(ctx, "dev", fondaco.ListEventsParams{Contract: "usd", Order: "asc", Limit: 3, Args: map[string]string{"value": "5001"}})
	if err != nil || len(page.Data) != 1 || page.Data[0].Args["value"] != "5001" {
		t.Fatalf("%+v %v", page, err)
	}
	first, err := c.ListBlocks(ctx, "dev", fondaco.ListBlocksParams{Limit: 3})
	if err != nil || len(first.Data) != 3 || first.Next == nil || first.Data[0].Number != 5 {
		t.Fatalf("%+v %v", first, err)
	}
	rest, err := c.ListBlocks(ctx, "dev", fondaco.ListBlocksParams{Limit: 3, Cursor: *first.Next})
	if err != nil || len(rest.Data) != 2 || rest.Next != nil || rest.Data[1].Number != 1 {
		t.Fatalf("%+v %v", rest, err)
	}
	_, err = c.ListBlocks(ctx, "dev", fondaco.ListBlocksParams{Limit: 1001})
	if p := fondaco.Refusal(err); p == nil || p.Code != fondaco.ProblemCodeBadParameter || p.Parameter != "limit" || p.RequestID == "" {
		t.Errorf("%v", err)
	}
	order, err := c.PlaceOrder(ctx, fondaco.NewOrder{Symbol: "WINE18-USD", Side: "buy", Price: "1.00", Quantity: "4", ClientOrderID: "a b"})
	if err != nil || order.Status != fondaco.OrderStatusOpen || *order.Price != "1.00" {
		t.Fatalf("%+v %v", order, err)
	}
	if found, err := c.GetOrderByClientID(ctx, "a b", fondaco.GetOrderByClientIDParams{}); err != nil || found.ID != order.ID {
		t.Errorf("%+v %v", found, err)
	}
	many, err := c.BatchOrders(ctx, fondaco.Batch{{Op: "place", Symbol: "WINE18-USD", Side: "sell", Price: "9", Quantity: "2", ClientRef: 7}, {Op: "cancel", ID: 999}})
	if err != nil || len(many.Data) != 2 || many.Data[0].ClientRef != 7 || many.Data[1].Error == nil || many.Data[1].Error.Code != fondaco.ProblemCodeUnknownOrder {
		t.Errorf("%+v %v", many, err)
	}
	if gone, err := c.CancelOrder(ctx, order.ID); err != nil || gone.Status != fondaco.OrderStatusCanceled {
		t.Errorf("%+v %v", gone, err)
	}
	nobody := &fondaco.Client{URL: a.url}
	if _, err := nobody.ListBalances(ctx, fondaco.ListBalancesParams{}); fondaco.Refusal(err) == nil || fondaco.Refusal(err).Status != 401 {
		t.Errorf("%v", err)
	}

	// Each block once and in order, over three connections.
	way := newFlaky(t, a.url)
	seen := make(chan uint64, 100)
	type end struct {
		at  live.Position
		err error
	}
	done := make(chan end, 1)
	go func() {
		at, err := live.Follow(ctx, live.Options{URL: way.url(), MinWait: time.Millisecond}, live.Request{Channel: "blocks", Network: "dev", From: live.Position{Seq: 0, Epoch: epochOf(t, a)}}, func(f live.Frame) error {
			var b struct{ Number uint64 }
			if err := json.Unmarshal(f.Data, &b); err != nil {
				return err
			}
			if seen <- b.Number; b.Number == 15 {
				return live.ErrStop
			}
			return nil
		})
		done <- end{at, err}
	}()
	next := uint64(1)
	expect := func(to uint64) {
		t.Helper()
		for ; next <= to; next++ {
			select {
			case n := <-seen:
				if n != next {
					t.Fatalf("block %d came, want %d", n, next)
				}
			case <-ctx.Done():
				t.Fatalf("block %d never came", next)
			}
		}
	}
	expect(5)
	for _, to := range []uint64{10, 15} {
		way.cut()
		for range 5 {
			chain.Block(t, 1)
		}
		expect(to)
	}
	last := <-done
	if last.err != nil || last.at.Seq == 0 || last.at.Epoch == "" {
		t.Errorf("%+v", last)
	}
	var refused *live.Refused
	if _, err := live.Follow(ctx, live.Options{URL: a.url}, live.Request{Channel: "orders"}, func(live.Frame) error { return nil }); !errors.As(err, &refused) || refused.Code != "unauthorized" {
		t.Errorf("%v", err)
	}
}

// epochOf is the epoch of the network's feed now.
func epochOf(t *testing.T, a *app) string {
	t.Helper()
	s := a.dial("/v1/ws")
	s.send(`{"op":"subscribe","id":1,"channel":"blocks","network":"dev"}`)
	epoch := s.want("subscribed").Epoch
	_ = s.c.CloseNow()
	return epoch
}

// TestTypeScriptClient checks the client's types, and runs it against a real
// api over a connection that is cut.
func TestTypeScriptClient(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not here")
	}
	tsc := filepath.Join("client", "ts", "node_modules", "typescript", "bin", "tsc")
	if _, err := os.Stat(tsc); err != nil {
		t.Skip("typescript is not here: npm ci --prefix services/api/client/ts")
	}
	dist := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), node, tsc, "-p", "client/ts", "--outDir", dist).CombinedOutput(); err != nil {
		t.Fatalf("the client has type errors: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dist, "package.json"), []byte(`{"type":"module"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	a, chain := clientApp(t)
	way := newFlaky(t, a.url)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	script, err := filepath.Abs(filepath.Join("testdata", "client.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, node, "--experimental-websocket", "--no-warnings", script, dist, way.url(), "alice-token", epochOf(t, a))
	var errs strings.Builder
	cmd.Stderr = &errs
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// It says what it has done; the way is cut while it follows.
	var got []string
	for dec := json.NewDecoder(stdout); ; {
		var line string
		if dec.Decode(&line) != nil {
			break
		}
		if got = append(got, line); line == "block 5" {
			way.cut()
			for range 3 {
				chain.Block(t, 1)
			}
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	want := "event 5001|refused bad_parameter limit|order open 1.00|canceled|unauthorized|block 1|block 2|block 3|block 4|block 5|block 6|block 7|block 8"
	if strings.Join(got, "|") != want {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "|"), want)
	}
}
