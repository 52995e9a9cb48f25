package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"fondaco.dev/pkg/embedded/child"
)

// Helpers that serve the bench of the api, by the word that they begin with.
var apiHelpers = map[string]func(spec []byte) error{helperHTTP: runHTTP, helperSockets: runSockets, helperBare: runBare, helperPlain: runPlain}

// A node and the clients of the order book run in processes of their own: the
// program starts itself anew with one of these words and a JSON object behind it.
const (
	helperDev    = "dev-node"
	helperReplay = "replay-node"
	helperDrive  = "clients"
)

// nodeSpec says what a node serves.
type nodeSpec struct {
	Blocks, Txs, Logs int    // a dev node's chain
	Synth             *Shape // a replay of a synthetic chain
	Record            *Load  // or of another node's answers
}

// Helper runs a node or the clients when args ask for them, and reports whether
// they do.
func Helper(args []string) (bool, error) {
	if len(args) == 2 && apiHelpers[args[0]] != nil {
		return true, apiHelpers[args[0]]([]byte(args[1]))
	}
	if len(args) != 2 || args[0] != helperDev && args[0] != helperReplay && args[0] != helperDrive {
		return false, nil
	}
	if args[0] == helperDrive {
		return true, driveHelper(context.Background(), os.Stdin, os.Stdout)
	}
	var spec nodeSpec
	if err := json.Unmarshal([]byte(args[1]), &spec); err != nil {
		return true, fmt.Errorf("reading the node's settings: %w", err)
	}
	ctx := context.Background()
	if args[0] == helperDev {
		d, err := StartDev(ctx, spec.Blocks, spec.Txs, spec.Logs)
		if err != nil {
			return true, err
		}
		return true, d.Command(ctx, os.Stdin, os.Stdout)
	}
	var chain Chain
	var err error
	if spec.Record != nil {
		chain, err = Record(ctx, *spec.Record)
	} else {
		chain, err = NewSynth(*spec.Synth)
	}
	if err != nil {
		return true, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return true, err
	}
	replay := NewReplay(chain)
	l := chain.Describe()
	l.URL, l.WS = "http://"+ln.Addr().String(), ""
	if err := json.NewEncoder(os.Stdout).Encode(l); err != nil {
		return true, err
	}
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); _ = ln.Close() }() // the parent's end is ours
	_ = replay.Serve(ln)
	return true, nil
}

// helper is a running node.
type helper struct {
	proc *child.Process
	in   io.WriteCloser
	out  *bufio.Reader
	load Load
}

// node starts a node and returns when it serves.
func (b *Bench) node(kind string, spec nodeSpec) (*helper, error) {
	h, err := spawn(kind, spec)
	if err != nil {
		return nil, err
	}
	if err := h.read(&h.load); err != nil {
		h.stop()
		return nil, fmt.Errorf("starting a %s: %w", kind, err)
	}
	return h, nil
}

// spawn starts this program anew as a helper of that kind.
func spawn(kind string, spec any) (*helper, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, kind, string(text))
	cmd.Stderr = os.Stderr
	h := &helper{}
	if h.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	h.out = bufio.NewReader(out)
	if h.proc, err = child.Start(cmd, syscall.SIGKILL); err != nil {
		return nil, err
	}
	return h, nil
}

func (h *helper) read(into any) error {
	line, err := h.out.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, into)
}

func (h *helper) mine(txs, logs int) (m Mined, err error) {
	if _, err := fmt.Fprintln(h.in, txs, logs); err != nil {
		return m, err
	}
	return m, h.read(&m)
}

func (h *helper) stop() {
	_ = h.in.Close()
	h.proc.Stop(child.Step{Signal: syscall.SIGTERM, Wait: 3 * time.Second})
}

// gate passes connections on to a node and notes when the first came. It is
// there for nodes that cannot be asked; bytes go from socket to socket in the
// kernel.
type gate struct {
	ln    net.Listener
	to    string
	first chan time.Time
}

func newGate(to string) (*gate, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &gate{ln: ln, to: to, first: make(chan time.Time, 1)}
	go g.serve()
	return g, nil
}

func (g *gate) url() string { return "http://" + g.ln.Addr().String() }

func (g *gate) serve() {
	for {
		in, err := g.ln.Accept()
		if err != nil {
			return
		}
		select {
		case g.first <- time.Now():
		default:
		}
		go func() {
			defer in.Close()
			out, err := net.Dial("tcp", g.to)
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
			_, _ = io.Copy(out, in)
			_ = out.Close()
		}()
	}
}

// asked is when the first connection came.
func (g *gate) asked() (time.Time, error) {
	select {
	case t := <-g.first:
		return t, nil
	default:
		return time.Time{}, fmt.Errorf("the node was never asked")
	}
}
