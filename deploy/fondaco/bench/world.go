package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"fondaco.dev/deploy/fondaco/internal/home"
	"fondaco.dev/deploy/fondaco/internal/infra"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/embedded/child"
	"fondaco.dev/proto/config"
	"fondaco.dev/proto/topology"
	"fondaco.dev/services/writer"
)

// Network is the name of the chain in every run.
const network = "bench"

// abi is that of the contract: the one event of a load.
const abi = `[{"type":"event","name":"Transfer","anonymous":false,"inputs":[
{"name":"from","type":"address","indexed":true},{"name":"to","type":"address","indexed":true},{"name":"value","type":"uint256","indexed":false}]}]`

// build compiles the services into dir.
func build(ctx context.Context, dir string, services ...string) error {
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	for _, s := range services {
		args = append(args, "fondaco.dev/services/"+s+"/cmd/"+s)
	}
	if out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("building the services: %w\n%s", err, out)
	}
	return nil
}

// world is one empty house: servers in this process, services as programs.
type world struct {
	b       *Bench
	node    *helper
	dir     *home.Dir
	infra   *infra.Infra
	config  string
	subject string
	procs   []*program
	conn    *pgx.Conn // as the schema's owner
}

// program is one running service.
type program struct {
	name  string
	proc  *child.Process
	admin string // base URL
	http  string // base URL, api only
	out   *bytes.Buffer
	peak  int64 // VmHWM at the end, bytes
}

func (b *Bench) newWorld(ctx context.Context, node *helper, l Load, verify string) (w *world, err error) {
	w = &world{b: b, node: node}
	if w.dir, err = home.Temp(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.infra, err = infra.Start(ctx, infra.Config{Dir: w.dir, System: infra.System{Profile: "dev"}}, zap.NewNop()); err != nil {
		return nil, err
	}
	w.config = w.dir.Path("fondaco.yaml")
	if err := errors.Join(os.WriteFile(w.dir.Path("token.json"), []byte(abi), 0o600), os.WriteFile(w.config, []byte(networkConfig(l, verify)), 0o600)); err != nil {
		return nil, err
	}
	file, err := config.Load(w.config)
	if err != nil {
		return nil, err
	}
	w.subject = file.Networks[0].Subject()
	if err := writer.Migrate(ctx, w.infra.OwnerURL()); err != nil {
		return nil, err
	}
	if w.conn, err = pgx.Connect(ctx, w.infra.OwnerURL().Reveal()); err != nil {
		return nil, fmt.Errorf("connecting to postgres: %w", err)
	}
	if b.Cold {
		return w, nil
	}
	return w, w.warm(ctx)
}

// networkConfig is the configuration's section for a load.
func networkConfig(l Load, verify string) string {
	ws := ""
	if l.WS != "" {
		ws = fmt.Sprintf("    ws: [%q]\n", l.WS)
	}
	return fmt.Sprintf(`networks:
  - name: %s
    kind: evm
    chain_id: %d
    rpc: [%q]
%s    finality: finalized
    start_block: %d
    verify: %s
    contracts:
      - {name: token, address: %q, abi: token.json, start_block: %d}
`, network, l.ChainID, l.URL, ws, l.Start, verify, l.Token, l.Start)
}

// warm gives Postgres the state of a server that has run for minutes: its shared
// memory was touched and its first WAL files are there. A virtual machine that
// hands out its memory at the first touch takes up to 20 us for each page, which
// fell on the run alone and not on the ceiling that comes after it.
func (w *world) warm(ctx context.Context) error {
	for _, q := range []string{
		`create table public.warm (a bigint, b text)`,
		// Not by COPY, which keeps to 16 MB of the buffers.
		`insert into public.warm select g, repeat('x', 900) from generate_series(1, 200000) g`,
		`drop table public.warm`,
	} {
		if _, err := w.conn.Exec(ctx, q); err != nil {
			return fmt.Errorf("warming postgres: %w", err)
		}
	}
	return nil
}

// start runs a service and returns when its program does.
func (w *world) start(service string) (*program, error) {
	port, err := child.FreePort()
	if err != nil {
		return nil, err
	}
	p := &program{name: service, admin: fmt.Sprintf("http://127.0.0.1:%d", port), out: &bytes.Buffer{}}
	cmd := exec.Command(filepath.Join(w.b.Bin, service))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "FONDACO_CONFIG=" + w.config, "FONDACO_ADMIN_ADDR=" + strings.TrimPrefix(p.admin, "http://"),
		"FONDACO_NATS_URL=" + w.infra.NATSURL(), "FONDACO_NATS_USER=" + service, "FONDACO_NATS_PASSWORD=" + w.infra.NATSPassword(service).Reveal(),
		"FONDACO_REDIS_URL=" + w.infra.RedisURL().Reveal(), "FONDACO_PPROF=true"}
	cmd.Env = append(cmd.Env, w.b.Env...)
	switch service {
	case "writer":
		cmd.Env = append(cmd.Env, "FONDACO_PG_URL="+w.infra.OwnerURL().Reveal())
	case "api":
		if port, err = child.FreePort(); err != nil {
			return nil, err
		}
		p.http = fmt.Sprintf("http://127.0.0.1:%d", port)
		cmd.Env = append(cmd.Env, "FONDACO_PG_URL="+w.infra.ReaderURL().Reveal(), fmt.Sprintf("FONDACO_HTTP_ADDR=127.0.0.1:%d", port))
	}
	cmd.Stdout, cmd.Stderr = p.out, p.out
	if p.proc, err = child.Start(cmd, syscall.SIGKILL); err != nil {
		return nil, err
	}
	w.procs = append(w.procs, p)
	return p, nil
}

// stop ends a program and keeps its peak of memory.
func (p *program) stop() {
	select {
	case <-p.proc.Done():
		return
	default:
	}
	p.peak = max(p.peak, peakMemory(p.proc.Pid()))
	p.proc.Stop(child.Step{Signal: syscall.SIGTERM, Wait: 5 * time.Second})
}

// peakMemory is a process's VmHWM in bytes; 0 where it is not known.
// Source: proc_pid_status(5).
func peakMemory(pid int) int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			kib, _ := strconv.ParseInt(f[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// ended says which program ended by itself, with its last lines.
func (w *world) ended() error {
	for _, p := range w.procs {
		select {
		case <-p.proc.Done():
			if p.peak == 0 { // not by stop
				return fmt.Errorf("%s %w\n%s", p.name, p.proc.Err(), p.tail())
			}
		default:
		}
	}
	return nil
}

func (p *program) tail() string {
	text := p.out.String()
	return text[max(0, len(text)-3000):]
}

// ready asks a program's admin port until it is, and names what it waits for.
func (w *world) ready(ctx context.Context, p *program) error {
	return w.until(ctx, 60*time.Second, 20*time.Millisecond, func() (bool, string) {
		resp, err := http.Get(p.admin + "/readyz")
		if err != nil {
			return false, err.Error()
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return resp.StatusCode == http.StatusOK, p.name + ": " + string(text)
	})
}

// until asks every step whether it is so; what it says is the error after limit.
func (w *world) until(ctx context.Context, limit, step time.Duration, is func() (bool, string)) error {
	deadline := time.Now().Add(limit)
	for {
		ok, says := is()
		if ok {
			return nil
		}
		if err := w.ended(); err != nil {
			return err
		}
		if time.Now().After(deadline) {
			for _, p := range w.procs {
				says += "\n" + p.name + ":\n" + p.tail()
			}
			return fmt.Errorf("waited %v: %s", limit, says)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(step):
		}
	}
}

// profile writes a CPU profile of a running program in the background, when
// one is asked for.
func (w *world) profile(p *program, as string, d time.Duration) {
	if w.b.Profiles == "" {
		return
	}
	w.b.profiles.Go(func() {
		var resp *http.Response
		if w.until(context.Background(), 5*time.Second, 5*time.Millisecond, func() (bool, string) { // its port may not be open yet
			var err error
			resp, err = http.Get(fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", p.admin, max(1, int(d.Seconds()))))
			return err == nil, ""
		}) != nil {
			return
		}
		defer resp.Body.Close()
		if out, err := os.Create(filepath.Join(w.b.Profiles, as+"."+p.name+".pprof")); err == nil {
			_, _ = io.Copy(out, resp.Body)
			_ = out.Close()
		}
	})
}

func (w *world) bus(ctx context.Context, user string) (*bus.Bus, error) {
	return bus.Connect(ctx, bus.Config{URL: w.infra.NATSURL(), User: user, Password: w.infra.NATSPassword(user), Name: "bench"}, zap.NewNop())
}

func (w *world) reader(ctx context.Context) (*bus.Bus, error) { return w.bus(ctx, topology.UserWriter) }

func (w *world) close() {
	for _, p := range w.procs {
		p.stop()
	}
	if w.conn != nil {
		_ = w.conn.Close(context.Background())
	}
	if w.infra != nil {
		w.infra.Stop()
	}
	if w.dir != nil {
		_ = w.dir.Close()
	}
}
