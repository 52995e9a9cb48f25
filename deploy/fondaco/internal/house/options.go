// Package house composes the whole system in one process: the servers of
// package infra, every service, and with --demo chains and bots of its own.
package house

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fondaco.dev/deploy/fondaco/internal/home"
	"fondaco.dev/deploy/fondaco/internal/profile"
	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/hugepage"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/proto/config"
)

// Options are what `fondaco up` was told. Zero values have a meaning each.
type Options struct {
	Config    string    // path of fondaco.yaml; "" = FONDACO_CONFIG, or the demo's own
	DataDir   string    // "" = FONDACO_DATA_DIR or .fondaco
	HTTP      string    // "" = FONDACO_HTTP_ADDR or 127.0.0.1:8080
	Demo      bool      // bring chains, accounts and bots
	Ephemeral bool      // data in a temporary folder that is removed at the end
	Profile   string    // "" = FONDACO_PROFILE, or dev with Demo, else production
	Environ   []string  // as os.Environ
	Out       io.Writer // the few lines for the person who started it
	Log       io.Writer // log lines of every service

	// Programs runs services as programs of their own; nil = in this process.
	Programs *Programs
	// Disk tells the space of the data folder's disk; nil = asks the system.
	Disk func(dir string) (Space, error)
	// Started is called once when every service has been started, with what
	// run.json says; nil = not called.
	Started func(home.Run)
}

// Defaults of what is not set.
const (
	DefaultDataDir = ".fondaco"
	DefaultHTTP    = "127.0.0.1:8080"
	DefaultSeed    = 1
)

// settings is what the options, .env and the environment come to.
type settings struct {
	lookup  env.Lookup
	values  map[string]string // the environment over .env
	config  *config.File      // nil with demo: made later
	dataDir string
	http    string
	profile profile.Profile
	demo    bool
	manual  bool // deposits by hand
	seed    int
	reset   bool
	pgBin   string
	redis   env.Secret
	log     zlog.Config
	huge    hugepage.Heap
	quiet   bool // LOG_LEVEL was not set: the demo keeps its bots' requests off the screen
}

// resolve reads every setting and reports all problems in one error.
func resolve(o Options, services []Service) (*settings, error) {
	values := map[string]string{}
	path := o.Config
	for _, kv := range o.Environ {
		if name, value, ok := strings.Cut(kv, "="); ok {
			values[name] = value
		}
	}
	if path == "" && !o.Demo {
		path = values["FONDACO_CONFIG"]
	}
	problems := &problems{}
	// Beside the config; the demo's own config is made, so the working folder.
	dotenv, err := env.LoadDotEnv(filepath.Join(filepath.Dir(path), ".env"))
	problems.add(err)
	for name, value := range dotenv {
		if _, real := values[name]; !real {
			values[name] = value
		}
	}
	s := &settings{demo: o.Demo, values: values}
	s.lookup = func(name string) (string, bool) { v, ok := values[name]; return v, ok }
	r := env.New(s.lookup)
	s.dataDir = first(o.DataDir, r.String("FONDACO_DATA_DIR", DefaultDataDir))
	s.http = first(o.HTTP, r.String("FONDACO_HTTP_ADDR", DefaultHTTP))
	s.seed = r.Int("FONDACO_DEMO_SEED", DefaultSeed, 0, 1<<31-1)
	s.reset = r.Bool("FONDACO_DEMO_RESET", false)
	s.pgBin = r.String("FONDACO_PG_BIN", "")
	s.redis = r.Secret("FONDACO_REDIS_URL", "")
	s.manual = r.Bool("FONDACO_ALLOW_MANUAL_DEPOSITS", false) || o.Demo
	s.log, s.huge = zlog.ConfigFromEnv(r), hugepage.HeapFromEnv(r)
	s.quiet = r.String("LOG_LEVEL", "") == ""
	s.profile, err = profile.Choose(o.Profile, s.lookup, o.Demo)
	if err != nil {
		r.Fail("--profile", err.Error())
	}
	if path == "" && !o.Demo {
		r.Fail("--config", "is required: name a fondaco.yaml, or try --demo, which brings one of its own")
	}
	if o.Config != "" && o.Demo {
		r.Fail("--demo", "brings a configuration of its own: leave --config out")
	}
	if s.reset && !o.Demo {
		r.Fail("FONDACO_DEMO_RESET", "is for --demo only")
	}
	var inFile error
	if path != "" && !o.Demo {
		s.config, inFile = config.Load(path)
	}
	problems.add(r.Err())
	problems.add(checkServices(services, s, path))
	problems.add(inFile)
	if s.profile != "" {
		problems.add(profile.Check(s.profile, profile.Settings{Demo: o.Demo, Values: values}))
	}
	return s, problems.err()
}

// checkServices has every service read its settings, so that all their
// problems are known before anything is started.
func checkServices(services []Service, s *settings, path string) error {
	if s.config == nil {
		// The demo's own file is made later, and a file with problems is
		// reported once.
		dir, err := os.MkdirTemp("", "fondaco-check-*")
		if err != nil {
			return fmt.Errorf("checking the settings: %w", err)
		}
		defer os.RemoveAll(dir)
		path = filepath.Join(dir, "fondaco.yaml")
		if err := os.WriteFile(path, []byte("venue: none\n"), 0o600); err != nil {
			return fmt.Errorf("checking the settings: %w", err)
		}
	}
	if s.demo {
		services = append(slices.Clone(services), devnetService())
	}
	found := &problems{}
	for _, svc := range services {
		_, err := svc.Prepare(placeholders(path, s.lookup))
		found.add(err)
	}
	return found.err()
}

// placeholders answers what will be wired once the servers run, so that a
// service's settings can be checked before anything is started.
func placeholders(config string, lookup env.Lookup) env.Lookup {
	return wired(map[string]string{
		"FONDACO_CONFIG":        config,
		"FONDACO_NATS_URL":      "nats://127.0.0.1:4222",
		"FONDACO_NATS_USER":     "nobody",
		"FONDACO_NATS_PASSWORD": "none",
		"FONDACO_PG_URL":        "postgres://127.0.0.1:5432/fondaco",
		"FONDACO_PG_READ_URLS":  "",
		"FONDACO_REDIS_URL":     "redis://127.0.0.1:6379",
		"FONDACO_ADMIN_ADDR":    "127.0.0.1:0",
		"FONDACO_HTTP_ADDR":     "127.0.0.1:0",
	}, lookup)
}

// wired answers from values first: what this process runs itself cannot be
// changed by the environment.
func wired(values map[string]string, lookup env.Lookup) env.Lookup {
	return func(name string) (string, bool) {
		if v, ok := values[name]; ok {
			return v, ok
		}
		return lookup(name)
	}
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// problems joins errors whose text is a list of lines, each line once: every
// service reads LOG_LEVEL, one complaint about it is enough.
type problems struct{ lines []string }

func (p *problems) add(err error) {
	if err == nil {
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		line = strings.TrimRight(line, " ")
		if line != "" && !slices.Contains(p.lines, line) {
			p.lines = append(p.lines, line)
		}
	}
}

func (p *problems) err() error {
	if len(p.lines) == 0 {
		return nil
	}
	return errors.New(strings.Join(p.lines, "\n"))
}
