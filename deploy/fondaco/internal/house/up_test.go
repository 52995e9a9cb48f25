package house

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"fondaco.dev/deploy/fondaco/internal/home"
	"fondaco.dev/pkg/embedded/child"
	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/pgtest"
	"fondaco.dev/pkg/zlog"
)

// fake is a service that says what was wired and ends as told.
type fake struct {
	name string
	got  chan map[string]string
	fail chan error
}

func newFake(name string) *fake {
	return &fake{name: name, got: make(chan map[string]string, 4), fail: make(chan error)}
}

func (f *fake) service() Service {
	type cfg struct{ values map[string]string }
	return service(f.name, func(lookup env.Lookup) (cfg, error) {
		c := cfg{values: map[string]string{}}
		r := env.New(lookup)
		for _, name := range []string{"FONDACO_CONFIG", "FONDACO_NATS_URL", "FONDACO_NATS_USER", "FONDACO_PG_URL", "FONDACO_HTTP_ADDR", "FONDACO_ADMIN_ADDR"} {
			c.values[name] = r.String(name, "")
		}
		r.Int("FONDACO_"+strings.ToUpper(f.name)+"_SIZE", 1, 1, 10)
		return c, r.Err()
	}, func(ctx context.Context, c cfg, log *zlog.Logger) error {
		if f.name == "api" { // its address is waited for
			ln, err := net.Listen("tcp", c.values["FONDACO_HTTP_ADDR"])
			if err != nil {
				return err
			}
			defer ln.Close()
		}
		f.got <- c.values
		select {
		case <-ctx.Done():
			return nil
		case err := <-f.fail:
			return err
		}
	})
}

func writeConfig(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "fondaco.yaml")
	text := "venue: main\nassets: [{name: USD, scale: 2}, {name: WINE, scale: 0}]\n" +
		"markets: [{symbol: WINE-USD, base: WINE, quote: USD, tick: \"0.01\", lot: \"1\"}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func freeAddr(t *testing.T) string {
	t.Helper()
	port, err := child.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return reachable(net.JoinHostPort("", strconv.Itoa(port)))
}

func TestUpWiresServicesAndStopsInTime(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	api, writer := newFake("api"), newFake("writer")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out strings.Builder
	started := make(chan home.Run, 1)
	addr := freeAddr(t)
	done := make(chan error, 1)
	go func() {
		done <- up(ctx, Options{Config: writeConfig(t, t.TempDir()), HTTP: addr, Ephemeral: true, Profile: "dev", Out: &out, Log: io.Discard,
			Environ: []string{"FONDACO_NATS_URL=nats://elsewhere:4222"}, Started: func(r home.Run) { started <- r }}, []Service{api.service(), writer.service()})
	}()
	var run home.Run
	select {
	case run = <-started:
	case err := <-done:
		t.Fatalf("ended early: %v", err)
	}
	got := <-api.got
	if got["FONDACO_NATS_URL"] != run.NATS.URL || got["FONDACO_HTTP_ADDR"] != addr || got["FONDACO_ADMIN_ADDR"] != run.Admin["api"] || got["FONDACO_NATS_USER"] != "api" {
		t.Errorf("the api was given %v", got)
	}
	if got["FONDACO_PG_URL"] != run.Postgres.ReaderURL || (<-writer.got)["FONDACO_PG_URL"] != run.Postgres.OwnerURL {
		t.Error("the api must read and the writer own the database")
	}
	began := time.Now()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("a clean stop returned %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
	if _, err := os.Stat(filepath.Dir(filepath.Dir(run.Config))); err != nil {
		t.Errorf("the configuration's folder must stay: %v", err)
	}
	for line := range strings.Lines(out.String()) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "data" {
			if _, err := os.Stat(f[1]); !os.IsNotExist(err) {
				t.Errorf("the temporary folder %s is left behind: %v", f[1], err)
			}
		}
	}
	if text := out.String(); !strings.Contains(text, addr) || !strings.Contains(text, "Ctrl-C") || strings.Count(text, "\n") > 10 {
		t.Errorf("start-up said:\n%s", text)
	}
}

func TestUpStopsAllWhenOneFails(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	api, writer := newFake("api"), newFake("writer")
	done := make(chan error, 1)
	go func() {
		done <- up(t.Context(), Options{Config: writeConfig(t, t.TempDir()), HTTP: freeAddr(t), Ephemeral: true, Profile: "dev", Out: io.Discard, Log: io.Discard},
			[]Service{api.service(), writer.service()})
	}()
	<-api.got
	writer.fail <- errors.New("disk is gone")
	if err := <-done; err == nil || !strings.Contains(err.Error(), "writer: disk is gone") {
		t.Errorf("got %v", err)
	}
}

func TestUpRefusals(t *testing.T) {
	t.Parallel()
	api, writer := newFake("api").service(), newFake("writer").service()
	dir := t.TempDir()
	config := writeConfig(t, dir)
	if err := os.WriteFile(filepath.Join(dir, ".env"), []byte("FONDACO_API_SIZE=99\nFONDACO_WRITER_SIZE=99\nLOG_LEVEL=loud\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	busy := t.TempDir()
	held, err := home.Open(busy)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	plain := t.TempDir()
	for _, c := range []struct {
		name string
		o    Options
		want []string
		not  []string
	}{
		{"nothing given", Options{}, []string{"--config", "--demo"}, nil},
		{"every problem at once, the environment wins", Options{Config: config, Environ: []string{"FONDACO_WRITER_SIZE=5", "FONDACO_DEMO_SEED=x"}},
			[]string{"FONDACO_API_SIZE", "LOG_LEVEL", "FONDACO_DEMO_SEED"}, []string{"FONDACO_WRITER_SIZE"}},
		{"production", Options{Demo: true, Profile: "production", Environ: []string{"FONDACO_ALLOW_LAZY_SYNC=true"}}, []string{"--demo: ", "FONDACO_ALLOW_LAZY_SYNC: "}, nil},
		{"unknown profile", Options{Demo: true, Profile: "prod"}, []string{"dev, staging, production, review"}, nil},
		{"both", Options{Demo: true, Config: config}, []string{"leave --config out"}, nil},
		{"bad file", Options{Config: filepath.Join(plain, "no.yaml")}, []string{"no.yaml"}, nil},
		{"taken port", Options{Config: writeConfig(t, plain), HTTP: taken.Addr().String(), Ephemeral: true}, []string{taken.Addr().String(), "taken", "--http"}, nil},
		{"folder in use", Options{Config: writeConfig(t, plain), HTTP: "127.0.0.1:0", DataDir: busy}, []string{strconv.Itoa(os.Getpid()), "--data-dir"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Out, c.o.Log = io.Discard, io.Discard
			err := up(t.Context(), c.o, []Service{api, writer})
			if err == nil {
				t.Fatal("was not refused")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error lacks %q:\n%v", want, err)
				}
			}
			for _, not := range c.not {
				if strings.Contains(err.Error(), not) {
					t.Errorf("the error holds %q:\n%v", not, err)
				}
			}
			if strings.Count(err.Error(), "LOG_LEVEL") > 1 {
				t.Errorf("said twice:\n%v", err)
			}
		})
	}
}

// needPostgres skips by name where no server can be run, but not under CI.
func needPostgres(t *testing.T) {
	t.Helper()
	pgtest.Server(t)
}
