// Package postgres runs a Postgres server from the binaries found on the
// machine, as a direct child that cannot outlive this process.
package postgres

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"fondaco.dev/pkg/embedded/child"
	"fondaco.dev/pkg/env"
)

// Config says where the server keeps its files and how it is reached.
type Config struct {
	Dir      string     // data folder, made when it does not exist
	Bin      string     // folder of initdb and postgres; "" = find them
	Port     int        // on 127.0.0.1; 0 = a free one
	Password env.Secret // of the superuser "fondaco", set when the folder is made
	Settings []string   // further "name=value" server settings
}

// superuser is the role that initdb makes.
const superuser = "fondaco"

// Server is a running server.
type Server struct {
	cfg  Config
	proc *child.Process
	log  *zap.Logger
}

// Start makes the data folder if needed and starts the server; it returns when
// the server answers (about 1 s cold).
func Start(ctx context.Context, cfg Config, log *zap.Logger) (*Server, error) {
	bin, err := findBinaries(cfg.Bin)
	if err != nil {
		return nil, err
	}
	own, err := findOwner()
	if err != nil {
		return nil, err
	}
	if cfg.Dir, err = own.place(cfg.Dir, log); err != nil {
		return nil, err
	}
	if err := waitForOld(ctx, cfg.Dir, log); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, "PG_VERSION")); err != nil {
		if err := initdb(ctx, bin, cfg, own); err != nil {
			return nil, err
		}
	}
	if cfg.Port == 0 {
		if cfg.Port, err = child.FreePort(); err != nil {
			return nil, err
		}
	}
	args := []string{"-D", cfg.Dir, "-p", strconv.Itoa(cfg.Port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "max_connections=200", "-c", "log_min_messages=warning"}
	for _, s := range cfg.Settings {
		args = append(args, "-c", s)
	}
	cmd := exec.Command(filepath.Join(bin, "postgres"), args...)
	cmd.Dir = cfg.Dir
	cmd.Env = append(os.Environ(), keepMemory...)
	cmd.SysProcAttr = own.attr()
	out := &logWriter{log: log}
	cmd.Stdout, cmd.Stderr = out, out
	// SIGINT = postgres' fast shutdown.
	proc, err := child.Start(cmd, syscall.SIGINT)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, proc: proc, log: log}
	if err := s.waitReady(ctx); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// keepMemory has the C library keep what a transaction needed for the next one. It
// gives large pieces back to the system otherwise, whose pages are then new again,
// which on a virtual machine costs more than what is done with them. Source:
// mallopt(3).
var keepMemory = []string{"MALLOC_MMAP_THRESHOLD_=268435456", "MALLOC_TRIM_THRESHOLD_=268435456", "MALLOC_TOP_PAD_=4194304"}

// URL of a database of this server for a role.
func (s *Server) URL(user string, password env.Secret, database string) env.Secret {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(user, password.Reveal()), Path: "/" + database,
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.cfg.Port)), RawQuery: "sslmode=disable"}
	return env.Secret(u.String())
}

// SuperURL is the URL of a database for the superuser.
func (s *Server) SuperURL(database string) env.Secret {
	return s.URL(superuser, s.cfg.Password, database)
}

// Port is where the server listens on 127.0.0.1.
func (s *Server) Port() int { return s.cfg.Port }

// Dir is the data folder in use.
func (s *Server) Dir() string { return s.cfg.Dir }

// Done is closed when the server has ended.
func (s *Server) Done() <-chan struct{} { return s.proc.Done() }

// Err is how the server ended; call it after Done.
func (s *Server) Err() error { return fmt.Errorf("postgres: %w", s.proc.Err()) }

// Stop ends the server: fast shutdown, after 4 s an immediate one.
func (s *Server) Stop() {
	s.proc.Stop(child.Step{Signal: syscall.SIGINT, Wait: 4 * time.Second}, child.Step{Signal: syscall.SIGQUIT, Wait: 5 * time.Second})
}

// Kill ends the server as a crash would; its data folder recovers at the next Start.
func (s *Server) Kill() {
	s.proc.Stop(child.Step{Signal: syscall.SIGQUIT, Wait: 10 * time.Second})
}

func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	var last error
	for {
		conn, err := pgx.Connect(ctx, s.SuperURL("postgres").Reveal())
		if err == nil {
			return conn.Close(ctx)
		}
		last = err
		select {
		case <-s.proc.Done():
			return fmt.Errorf("starting postgres in %s: %w (its log lines above say why)", s.cfg.Dir, s.proc.Err())
		case <-ctx.Done():
			return fmt.Errorf("waiting for postgres in %s: %w", s.cfg.Dir, last)
		case <-time.After(30 * time.Millisecond):
		}
	}
}

func initdb(ctx context.Context, bin string, cfg Config, own owner) error {
	pw, err := os.CreateTemp("", "fondaco-pw-*")
	if err != nil {
		return fmt.Errorf("making a password file: %w", err)
	}
	defer os.Remove(pw.Name())
	_, err = pw.WriteString(cfg.Password.Reveal() + "\n")
	if err2 := pw.Close(); err == nil {
		err = err2
	}
	if err == nil && own.drop {
		err = os.Chown(pw.Name(), own.uid, own.gid)
	}
	if err != nil {
		return fmt.Errorf("writing the password file: %w", err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", cfg.Dir, "-U", superuser, "--pwfile", pw.Name(),
		"--auth=scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	cmd.Dir = cfg.Dir
	cmd.SysProcAttr = own.attr()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb in %s: %w: %s", cfg.Dir, err, bytes.TrimSpace(out))
	}
	return nil
}

// waitForOld waits until a server of an earlier process has left the folder:
// 30 s in all, told to hurry (SIGQUIT) after 10 s.
func waitForOld(ctx context.Context, dir string, log *zap.Logger) error {
	for start, hurried := time.Now(), false; ; {
		pid, alive := oldServer(dir)
		if !alive {
			return nil
		}
		waited := time.Since(start)
		switch {
		case waited > 30*time.Second:
			return fmt.Errorf("another postgres (process %d) still uses %s: stop it, or use another --data-dir", pid, dir)
		case waited > 10*time.Second && !hurried:
			log.Warn("an earlier postgres does not leave its data folder; asking for an immediate shutdown", zap.Int("pid", pid))
			_ = syscall.Kill(pid, syscall.SIGQUIT)
			hurried = true
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// oldServer reads postmaster.pid and tells whether that process is a postgres
// of this folder.
func oldServer(dir string) (pid int, alive bool) {
	data, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		return 0, false
	}
	line, _, _ := strings.Cut(string(data), "\n")
	if pid, err = strconv.Atoi(strings.TrimSpace(line)); err != nil || pid <= 0 {
		return 0, false
	}
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return pid, err == nil && bytes.Contains(cmdline, []byte(dir))
}

// logWriter passes the server's lines on as they come.
type logWriter struct{ log *zap.Logger }

func (w *logWriter) Write(p []byte) (int, error) {
	for line := range strings.SplitSeq(strings.TrimRight(string(p), "\n"), "\n") {
		// waitReady asks while the server is starting up; that is no news.
		if !strings.Contains(line, "the database system is starting up") && (strings.Contains(line, "FATAL") || strings.Contains(line, "PANIC")) {
			w.log.Warn("postgres: " + line)
			continue
		}
		w.log.Debug("postgres: " + line)
	}
	return len(p), nil
}
