package bench

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/pgtest"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// Every part of the bench runs and prints its figures. Nothing is said about
// how large these are.
func TestQuickBook(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds and starts every service")
	}
	pgtest.Server(t)
	var out, progress bytes.Buffer
	b := &Book{Out: &out, Progress: &progress}
	b.Quick()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	if err := b.Run(ctx); err != nil {
		t.Fatalf("%v\n%s%s", err, progress.String(), out.String())
	}
	for _, want := range []string{
		"10% marketable, 1000 resting", "allocations a command", "takes 5000 at a price each", "memory of a resting order",
		"applied and their events published", ">= 500000", "the same packs published to an empty server", "processor time of orderbook",
		">= 1000000", "until it serves", "size of the snapshot", "until a new pack's events are published", "packs stored and not applied",
		"single orders over HTTP", "only parses and answers", "single orders / that handler", "batches of 100", ">= 250000",
		"one gateway p50", "one gateway p99", "8 gateways p50 / one gateway", "beside a backfill p50", "<= 3.5 ms", "measured in",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table has no line with %q:\n%s", want, out.String())
		}
	}
}

func TestUnknownPart(t *testing.T) {
	t.Parallel()
	b := &Book{Out: &bytes.Buffer{}, Only: []string{"engine", "magic"}, Bin: t.TempDir()}
	if err := b.Run(t.Context()); err == nil || !strings.Contains(err.Error(), `"magic"`) {
		t.Errorf("an unknown part: %v", err)
	}
}

// The mix is what it says, and a pack's head is found before its commands.
func TestMixPacks(t *testing.T) {
	t.Parallel()
	packs, err := mixPacks(30_500)
	if err != nil || len(packs) != 31 {
		t.Fatalf("%d packs, %v", len(packs), err)
	}
	var news, cancels, takes int
	for i, data := range packs {
		var p ordersv1.Pack
		if err := proto.Unmarshal(data, &p); err != nil || len(p.Commands) > ordersv1.MaxCommands || len(data) > ordersv1.MaxPack-100 {
			t.Fatalf("pack %d: %d commands, %d bytes, %v", i, len(p.Commands), len(data), err)
		}
		for _, c := range p.Commands[:len(p.Commands)*min(i, 1)] {
			switch o := c.GetNewOrder(); {
			case o == nil:
				cancels++
			case o.TimeInForce == ordersv1.TimeInForce_TIME_IN_FORCE_IOC:
				takes++
			default:
				news++
			}
		}
	}
	all := news + cancels + takes
	for name, n := range map[string][2]int{"new": {news, 50}, "cancel": {cancels, 40}, "take": {takes, 10}} {
		if share := 100 * n[0] / all; share < n[1]-2 || share > n[1]+2 {
			t.Errorf("%s: %d%%, want about %d%%", name, share, n[1])
		}
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	for _, want := range []*tradesv1.Output{
		{FirstInSeq: 3, LastInSeq: 7, Part: 1, Last: true, FirstEventSeq: 9, Events: []*tradesv1.Event{{Kind: &tradesv1.Event_Resumed{Resumed: &tradesv1.Resumed{NowMs: 5}}}}},
		{FirstInSeq: 3, LastInSeq: 1 << 40, Part: 1},
		{},
	} {
		data, err := proto.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if seq, last := covers(data); seq != want.LastInSeq || last != want.Last {
			t.Errorf("%d, %v of %v", seq, last, want)
		}
	}
}
