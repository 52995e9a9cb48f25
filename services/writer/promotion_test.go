package writer_test

import (
	"os"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/bustest"
	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/pg"
	"fondaco.dev/pkg/pgtest"
	"fondaco.dev/pkg/rds"
	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
	"fondaco.dev/proto/topology"
	"fondaco.dev/services/writer"
	"fondaco.dev/services/writer/internal/partition"
	"fondaco.dev/services/writer/internal/projection"
	"fondaco.dev/services/writer/internal/schema"
	"fondaco.dev/services/writer/internal/writertest"
)

// twoFilters are two configurations of one chain, which fetch different logs.
func twoFilters(t *testing.T) (paths [2]string, files [2]*config.File) {
	t.Helper()
	for i, events := range []string{"Transfer", "Transfer, Approval"} {
		paths[i], _ = write(t, "token")
		text := strings.Replace(yaml[:strings.Index(yaml, "  - name: casper-test")]+yaml[strings.Index(yaml, "  - name: dev"):], "NAME", "token", 1)
		text = strings.Replace(text, "events: [Transfer]", "events: ["+events+"]", 1)
		if err := os.WriteFile(paths[i], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var err error
		if files[i], err = config.Load(paths[i]); err != nil {
			t.Fatal(err)
		}
	}
	return paths, files
}

// A second filter's subject is filled from the nodes, a piece at a time. Its
// writer is at the end of the subject after each piece; the build must not be
// served before it holds what the live one holds. And a writer of the build that
// was live before, started again beside the new one, does not take it back.
func TestBuildIsPromotedNotBeforeItHoldsWhatTheLiveOneHolds(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	srv, url, mini := bustest.Start(t), pgtest.New(t), miniredis.RunT(t)
	bustest.Provision(t, srv, topology.Streams(), topology.Buckets(), topology.Objects())
	paths, files := twoFilters(t)
	var stops [2]func()
	begin := func(i int) {
		stops[i] = start(t, writer.Config{Path: paths[i], Admin: "127.0.0.1:0", Bus: bus.Config{URL: srv.URL, Name: "writer"}, PG: pg.Config{URL: url, MaxConns: 6},
			Redis: rds.Config{URL: env.Secret("redis://" + mini.Addr())}, Promote: "auto", Migrate: true})
	}
	begin(0)
	w := writertest.Attach(t, url, srv)
	var builds, subjects [2]string
	for i, f := range files {
		builds[i], subjects[i] = f.Build(projection.Version), f.Networks[0].Subject()
	}
	live := func() string { return writertest.Value[string](w, `select build from ctl.deployments`) }

	var blocks []*chainv1.Block
	var units []*chainv1.Unit
	for i := range 20 {
		var parent *chainv1.Block
		if i > 0 {
			parent = blocks[i-1]
		}
		blocks = append(blocks, writertest.Block(parent, 1, 1))
		units = append(units, writertest.U(blocks[i]))
	}
	first := w.NewFeed(subjects[0])
	w.Wait(builds[0], subjects[0], first.Publish(append(units, writertest.Final(blocks[15]))...))

	begin(1)
	fill := w.NewFeed(subjects[1])
	w.Wait(builds[1], subjects[1], fill.Publish(units[:5]...))
	w.Until("the end of the piece", func() bool {
		return writertest.Value[bool](w, `select caught_up from ctl.cursors where build = '`+builds[1]+`'`)
	})
	if s, err := schema.Stand(ctx, w.Pool, builds[1]); err != nil || s != (schema.Standing{Live: builds[0]}) {
		t.Errorf("block 4 of 19 is there: %+v, %v", s, err)
	}
	w.Wait(builds[1], subjects[1], fill.Publish(units[5:16]...)) // what is final is there
	w.Until("the promotion", func() bool { return live() == builds[1] })

	stops[0]()
	begin(0)
	w.Wait(builds[0], subjects[0], first.Publish(writertest.Final(blocks[16])))
	if s, err := schema.Stand(ctx, w.Pool, builds[0]); err != nil || s != (schema.Standing{Live: builds[1], Retired: true, CaughtUp: true}) {
		t.Errorf("the first build stands %+v, %v", s, err)
	}
	if held, err := partition.Written(ctx, w.Pool, builds[1], subjects[1:]); err != nil || !held {
		t.Errorf("the live build has a writer: %v, %v", held, err)
	}
	stops[1]() // the configuration is taken back
	w.Until("the first build to be served again", func() bool { return live() == builds[0] })
}
