package redecode_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"

	"fondaco.dev/services/writer/internal/chain"
	"fondaco.dev/services/writer/internal/projection"
	"fondaco.dev/services/writer/internal/redecode"
	"fondaco.dev/services/writer/internal/schema"
	"fondaco.dev/services/writer/internal/writertest"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
)

// with gives the test network another ABI; the topic, and so what is fetched,
// stays the same.
func with(t *testing.T, text string) *config.File {
	t.Helper()
	a, err := abi.JSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	n := writertest.EVMNetwork("dev")
	n.Contracts[0].ABIs = []config.ABI{{JSON: []byte(text), Events: []abi.Event{a.Events["Transfer"]}, To: config.Open}}
	return &config.File{Networks: []config.Network{n}}
}

// wrong says that value is indexed: no log has four topics.
const wrong = `[{"type":"event","name":"Transfer","inputs":[{"name":"from","type":"address","indexed":true},{"name":"to","type":"address","indexed":true},{"name":"value","type":"uint256","indexed":true}]}]`

func start(w *writertest.World, build string, n config.Network) *writertest.Writer {
	m := w.Metrics()
	return w.Start(build, n.Subject(), chainv1.Stream, n.Subject(), chain.NewEVM(build, n, w.Pool, w.Bus, m), m, nil)
}

// like compares a build with one that is made from the stream.
func like(t *testing.T, w *writertest.World, build string, n config.Network, seq uint64) {
	t.Helper()
	clean := w.Build("clean_"+n.Name, n)
	r := start(w, clean, n)
	w.Wait(clean, n.Subject(), seq)
	r.Stop()
	if got, want := w.Digest(build, true), w.Digest(clean, true); !maps.Equal(got, want) {
		t.Errorf("the build differs from one that is made from the stream:\ngot  %v\nwant %v", got, want)
	}
	w.CheckCounts(build)
	a, b := w.Cursor(build, n.Subject()), w.Cursor(clean, n.Subject())
	if a.Seq != b.Seq || a.Pos != b.Pos || a.Epoch() != b.Epoch() {
		t.Errorf("cursor at %d/%d in %s, want %d/%d in %s", a.Seq, a.Pos, a.Epoch(), b.Seq, b.Pos, b.Epoch())
	}
}

// TestRedecode mends an ABI while events arrive: the mended build has every
// row once, at its position, as if it had been made from the stream.
func TestRedecode(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	ctx := context.Background()
	broken, mended := with(t, wrong), with(t, writertest.ERC20)
	n := broken.Networks[0]
	if n.Subject() != mended.Networks[0].Subject() {
		t.Fatal("the ABI is part of what is fetched")
	}
	old, build := w.Build(broken.Build(projection.Version), n), mended.Build(projection.Version)
	f := w.NewFeed(n.Subject())
	r := start(w, old, n)

	var chain []*chainv1.Block
	next := func(salt uint64) *chainv1.Block {
		var parent *chainv1.Block
		if len(chain) > 0 {
			parent = chain[len(chain)-1]
		}
		b := writertest.Block(parent, 1+int(salt%4), salt)
		chain = append(chain, b)
		return b
	}
	for i := range uint64(30) {
		f.Publish(writertest.U(next(i)))
	}
	f.Publish(writertest.Revert(chain[20]))
	chain = chain[:21]
	for i := range uint64(10) {
		f.Publish(writertest.U(next(100 + i)))
	}
	w.Wait(old, n.Subject(), f.Last)

	// Events go on arriving, and the old writer goes on writing them.
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := uint64(200); ; i++ {
			select {
			case <-stop:
				return
			default:
				f.Publish(writertest.U(next(i)))
			}
		}
	}()
	report, err := redecode.Run(ctx, w.Pool, mended, "")
	close(stop)
	<-stopped
	if err != nil {
		t.Fatal(err)
	}
	out := report.Networks[0]
	if report.From != old || report.To != build || out.Events == 0 || out.Changed != out.Events || out.Mended != out.Events || len(out.Undecoded) != 0 {
		t.Errorf("report %+v", report)
	}
	if c := w.Cursor(build, n.Subject()); c.Seq != out.Seq || c.Seq == 0 {
		t.Errorf("cursor at %d, the report says %d", c.Seq, out.Seq)
	}
	// A second time there is nothing to do, and nothing is harmed.
	if _, err := redecode.Run(ctx, w.Pool, mended, ""); err == nil || !strings.Contains(err.Error(), "build "+build+" ") {
		t.Errorf("twice: %v", err)
	}
	f.Publish(writertest.Revert(chain[25]))
	chain = chain[:26]
	f.Publish(writertest.U(next(999)))
	r2 := start(w, build, mended.Networks[0])
	w.Wait(build, n.Subject(), f.Last)
	w.Wait(old, n.Subject(), f.Last)
	r2.Stop()
	r.Stop()
	like(t, w, build, mended.Networks[0], f.Last)
	if got := writertest.Value[int64](w, `select count(*) from ix_`+old+`.events where decode_error = ''`); got != 0 {
		t.Errorf("%d rows of the old build were changed", got)
	}
	if err := schema.Promote(ctx, w.Pool, build); err != nil {
		t.Error(err)
	}
}

// TestRedecodeOfChildren renames an argument of a factory's children.
func TestRedecodeOfChildren(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	file := func(arg string) *config.File {
		return &config.File{Networks: []config.Network{writertest.FactoryNetwork("dev", arg)}}
	}
	before, after := file("n"), file("amount")
	n := before.Networks[0]
	old := w.Build(before.Build(projection.Version), n)
	f := w.NewFeed(n.Subject())
	r := start(w, old, n)
	b0 := writertest.With(writertest.Block(nil, 0, 1), writertest.Swap(1, 1), writertest.Created(1), writertest.Swap(1, 2), writertest.Broken(1))
	f.Publish(writertest.U(b0))
	w.Wait(old, n.Subject(), f.Last)
	// A factory that is configured differently has other children.
	other := file("n")
	created, err := abi.JSON(strings.NewReader(`[{"type":"event","name":"Created","inputs":[{"name":"pool","type":"address"}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	other.Networks[0].Contracts[0].Factory.Event = created.Events["Created"]
	if _, err := redecode.Run(context.Background(), w.Pool, other, ""); err == nil || !strings.Contains(err.Error(), "has to be made from the stream") {
		t.Errorf("another factory: %v", err)
	}
	report, err := redecode.Run(context.Background(), w.Pool, after, "")
	if err != nil {
		t.Fatal(err)
	}
	out := report.Networks[0]
	if out.Events != 3 || out.Changed != 1 || out.Mended != 0 || len(out.Undecoded) != 1 || out.Undecoded[0].Rows != 1 {
		t.Errorf("report %+v", report)
	}
	f.Publish(writertest.U(writertest.With(writertest.Block(b0, 0, 1), writertest.Swap(1, 3), writertest.Swap(2, 4))))
	r2 := start(w, report.To, after.Networks[0])
	w.Wait(report.To, n.Subject(), f.Last)
	r2.Stop()
	r.Stop()
	like(t, w, report.To, after.Networks[0], f.Last)
}

func TestRedecodeIsRefused(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	ctx := context.Background()
	file := with(t, wrong)
	refused := func(what string, f *config.File, from, want string) {
		t.Helper()
		if _, err := redecode.Run(ctx, w.Pool, f, from); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", what, err, want)
		}
	}
	refused("an empty database", file, "", "no build is live yet")
	n := file.Networks[0]
	old := w.Build(file.Build(projection.Version), n)
	mended := with(t, writertest.ERC20)
	refused("the same configuration", file, "", "mend an ABI first")
	refused("an unknown build", mended, "nothing", `no build "nothing"`)
	refused("no cursor yet", mended, "", "no cursor of it yet")
	f := w.NewFeed(n.Subject())
	r := start(w, old, n)
	f.Publish(writertest.U(writertest.Block(nil, 2, 1)))
	w.Wait(old, n.Subject(), f.Last)
	r.Stop()
	wider := with(t, writertest.ERC20)
	wider.Networks[0].StartBlock = 7
	refused("another filter", wider, "", "what is fetched of network dev differs")
	more := with(t, writertest.ERC20)
	more.Networks = append(more.Networks, writertest.EVMNetwork("new"))
	refused("a new network", more, "", "network new is not in build "+old)
	if got := writertest.Value[int64](w, `select count(*) from ctl.builds`); got != 1 {
		t.Errorf("%d builds: a refusal leaves nothing behind", got)
	}
	w.Exec(fmt.Sprintf(`update ctl.builds set projection = %d where build = '%s'`, projection.Version-1, old))
	refused("older projections", mended, "", "projections of version")
	w.Exec(fmt.Sprintf(`update ctl.builds set projection = %d`, projection.Version))
	// A writer that has begun to fill the build goes on.
	w.Build(mended.Build(projection.Version), mended.Networks[0])
	w.Exec(`insert into ctl.cursors (build, partition, stream_created, seq, digest, pos) values ($1, $2, 0, 1, '', 0)`, mended.Build(projection.Version), n.Subject())
	refused("a build that is ahead", mended, "", "promote it")
	w.Exec(`update ctl.cursors set seq = 5 where build = $1`, old)
	refused("a build that is being filled", mended, "", "is being filled")
	w.Exec(`update ctl.cursors set seq = 0 where build = $1`, mended.Build(projection.Version))
	if _, err := redecode.Run(ctx, w.Pool, mended, old); err != nil {
		t.Errorf("into an empty build: %v", err)
	}
}
