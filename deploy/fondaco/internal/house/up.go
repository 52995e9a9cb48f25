package house

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/deploy/fondaco/internal/home"
	"fondaco.dev/deploy/fondaco/internal/infra"
	"fondaco.dev/deploy/fondaco/internal/release"
	"fondaco.dev/pkg/embedded/child"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/proto/config"
)

// stopLimit is what a Ctrl-C may take, less some room to leave; the others
// are the most that each stage may use of it. The servers get what is left.
const (
	stopLimit   = 4700 * time.Millisecond
	intakeLimit = 1000 * time.Millisecond
	coreLimit   = 2000 * time.Millisecond
	chainsLimit = 400 * time.Millisecond
)

// startLimit bounds the start of the servers: a cold initdb takes about 1 s, an
// earlier postmaster may need 30 s to leave.
const startLimit = 90 * time.Second

// Up runs the whole house until ctx ends, and returns nil after a clean stop.
// An error of any part stops the others and is returned.
func Up(ctx context.Context, o Options) error { return up(ctx, o, services()) }

func up(ctx context.Context, o Options, parts []Service) (err error) {
	began := time.Now()
	s, err := resolve(o, parts)
	if err != nil {
		return err
	}
	log, err := zlog.New(s.log, "fondaco", o.Log)
	if err != nil {
		return err
	}
	dir, err := openDir(s, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	s.huge.Set()
	if err := portFree(s.http); err != nil {
		return err
	}
	h := &house{Options: o, settings: s, log: log, dir: dir, failed: make(chan error, 1), admin: map[string]string{}}
	fmt.Fprintf(o.Out, "fondaco %s, %s profile\n  data   %s%s\n", release.Version, s.profile, dir.Path(), map[bool]string{true: " (removed at the end)"}[dir.Temporary()])
	defer func() { h.stop() }()
	if err := h.start(ctx, parts); err != nil {
		if ctx.Err() != nil {
			return nil // stopped while it was starting
		}
		return err
	}
	if err := h.answering(ctx, parts); err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "  api    %s (started in %.1f s)\n  stop   Ctrl-C; once more stops at once\n  try    curl -s %s/\n",
		h.run().HTTP, time.Since(began).Seconds(), h.run().HTTP)
	if o.Started != nil {
		o.Started(h.run())
	}
	select {
	case <-ctx.Done():
		fmt.Fprintln(o.Out, "stopping")
		return nil
	case err := <-h.failed:
		return err
	}
}

// house is one running system.
type house struct {
	Options
	settings *settings
	log      *zlog.Logger
	dir      *home.Dir
	infra    *infra.Infra
	failed   chan error
	admin    map[string]string

	configPath           string
	file                 *config.File
	intake, core, chains *stage
}

func openDir(s *settings, o Options) (*home.Dir, error) {
	if o.Ephemeral {
		return home.Temp()
	}
	dir, err := home.Open(s.dataDir)
	if err != nil {
		return nil, err
	}
	if s.reset {
		if err := dir.Reset(); err != nil {
			return nil, errors.Join(err, dir.Close())
		}
	}
	return dir, nil
}

// portFree says in words that the address is taken, before anything is started.
func portFree(addr string) error {
	ln, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is taken by another program: stop that one, or choose another address with --http", addr)
	case err != nil:
		return fmt.Errorf("the address %s cannot be listened on (choose one with --http): %w", addr, err)
	}
	return ln.Close()
}

// start brings up the servers, then the chains of the demo, then the services.
func (h *house) start(ctx context.Context, parts []Service) (err error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	s := h.settings
	system := infra.System{Profile: string(s.profile), ManualDeposits: s.manual}
	h.infra, err = infra.Start(ctx, infra.Config{Dir: h.dir, Bin: s.pgBin, RedisURL: s.redis, System: system}, h.log.Logger)
	if err != nil {
		return err
	}
	h.intake, h.core, h.chains = newStage(h.failed, h.log.Logger), newStage(h.failed, h.log.Logger), newStage(h.failed, h.log.Logger)
	h.chains.start("servers", h.infra.Watch)
	h.chains.start("disk", h.watchDisk)
	if s.demo {
		if err := h.startChains(ctx); err != nil {
			return err
		}
	} else {
		h.file = s.config
	}
	if h.configPath, err = absolute(h.file.Path); err != nil {
		return err
	}
	if h.file.Venue != "" {
		h.chains.start("trim", h.trimStreams)
	}
	for _, p := range parts {
		st := h.core
		if p.Name == "api" {
			st = h.intake
		}
		if err := h.startService(p, st, nil); err != nil {
			return err
		}
	}
	if err := h.dir.WriteRun(h.run()); err != nil {
		return err
	}
	if s.demo {
		h.startBots()
	}
	return nil
}

// startService prepares one part with what this process knows better than the
// environment (more of it in extra) and starts it in the stage.
func (h *house) startService(p Service, st *stage, extra map[string]string) error {
	port, err := child.FreePort()
	if err != nil {
		return err
	}
	h.admin[p.Name] = fmt.Sprintf("127.0.0.1:%d", port)
	logCfg := h.settings.log
	if p.Name == "api" && h.settings.demo && h.settings.quiet {
		// The bots' requests would bury what a person wants to see.
		logCfg.Level = "warn"
	}
	wiring := h.wiring(p.Name)
	wiring["LOG_LEVEL"] = logCfg.Level
	maps.Copy(wiring, extra)
	run, err := p.Prepare(wired(wiring, h.settings.lookup))
	if err != nil {
		return err
	}
	log, err := zlog.New(logCfg, p.Name, h.Log)
	if err != nil {
		return err
	}
	if h.Programs != nil {
		run = h.Programs.run(p.Name, wiring, h)
	}
	st.start(p.Name, func(ctx context.Context) error { return run(ctx, log) })
	return nil
}

// answering waits until the api listens: its address is printed when somebody
// is there. A part that fails meanwhile ends the wait.
func (h *house) answering(ctx context.Context, parts []Service) error {
	if !slices.ContainsFunc(parts, func(p Service) bool { return p.Name == "api" }) {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		listening(ctx, reachable(h.settings.http))
	}()
	select {
	case <-done:
		return nil
	case err := <-h.failed:
		return err
	}
}

// wiring is what this process knows better than the environment.
func (h *house) wiring(name string) map[string]string {
	w := map[string]string{
		"FONDACO_CONFIG":        h.configPath,
		"FONDACO_NATS_URL":      h.infra.NATSURL(),
		"FONDACO_NATS_USER":     name,
		"FONDACO_NATS_PASSWORD": h.infra.NATSPassword(name).Reveal(),
		"FONDACO_REDIS_URL":     h.infra.RedisURL().Reveal(),
		"FONDACO_ADMIN_ADDR":    h.admin[name],
		"FONDACO_PG_READ_URLS":  "",
	}
	switch name {
	case "api":
		w["FONDACO_PG_URL"] = h.infra.ReaderURL().Reveal()
		w["FONDACO_HTTP_ADDR"] = h.settings.http
		w["FONDACO_VERSION"] = release.Version
	case "writer":
		w["FONDACO_PG_URL"] = h.infra.OwnerURL().Reveal()
	}
	return w
}

// run is what operator commands are told.
func (h *house) run() home.Run {
	s := h.settings
	return home.Run{
		PID: os.Getpid(), Version: release.Version, StartedAt: time.Now().UTC(), Profile: string(s.profile), Demo: s.demo, ManualDeposits: s.manual,
		HTTP: "http://" + reachable(s.http), Config: h.configPath, Venue: h.file.Venue, Admin: h.admin,
		NATS: home.NATS{URL: h.infra.NATSURL(), MonitorURL: h.infra.NATSMonitorURL(), Users: map[string]string{
			"operator": h.infra.NATSPassword("operator").Reveal(), "provisioner": h.infra.NATSPassword("provisioner").Reveal(),
		}},
		Postgres: home.Postgres{OwnerURL: h.infra.OwnerURL().Reveal(), ReaderURL: h.infra.ReaderURL().Reveal()},
		Redis:    h.infra.RedisURL().Reveal(),
	}
}

// stop ends what takes in work first, then the services, then what they stand on.
func (h *house) stop() {
	deadline := time.Now().Add(stopLimit)
	if h.intake != nil {
		h.intake.stop(intakeLimit)
		h.core.stop(coreLimit)
		h.chains.stop(chainsLimit)
	}
	if h.infra == nil {
		return
	}
	done := make(chan struct{})
	go func() { h.infra.Stop(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Until(deadline)):
		h.log.Warn("the servers do not stop in time; they end with this process", zap.Duration("limit", stopLimit))
	}
}
