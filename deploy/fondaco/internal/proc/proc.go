// Package proc keeps a program running: it is started again when it ends, and
// replaced when it was built anew.
package proc

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/embedded/child"
	"fondaco.dev/pkg/run"
)

// stopWait is how long a program may take to stop before it is killed.
const stopWait = 3 * time.Second

// Process is one program that is kept running. It cannot outlive this process.
type Process struct {
	Name string
	Path string
	Env  []string // all of it; nothing is inherited
	Out  io.Writer
	Log  *zap.Logger

	mu      sync.Mutex
	child   *child.Process
	starts  int
	replace bool // the next end was asked for
}

// Run keeps the program running until ctx ends, then stops it. Only a program
// that cannot be started at all is an error.
func (p *Process) Run(ctx context.Context) error {
	backoff := run.Backoff{Min: 100 * time.Millisecond, Max: 5 * time.Second}
	for ctx.Err() == nil {
		began := time.Now()
		c, err := p.start()
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			c.Stop(child.Step{Signal: syscall.SIGTERM, Wait: stopWait})
			return nil
		case <-c.Done():
		}
		if p.asked() {
			continue
		}
		p.Log.Warn("a program ended and is started again", zap.String("program", p.Name), zap.Error(c.Err()))
		if time.Since(began) > 10*time.Second {
			backoff.Reset()
		}
		if backoff.Wait(ctx) != nil {
			return nil
		}
	}
	return nil
}

func (p *Process) start() (*child.Process, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	cmd := exec.Command(p.Path)
	cmd.Env, cmd.Stdout, cmd.Stderr = p.Env, p.Out, p.Out
	cmd.WaitDelay = time.Second // a grandchild may hold the output open
	c, err := child.Start(cmd, syscall.SIGKILL)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	p.child = c
	p.starts++
	return c, nil
}

func (p *Process) asked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.replace
	p.replace = false
	return was
}

// Replace stops the program and starts what is now at its path.
func (p *Process) Replace() {
	p.mu.Lock()
	c := p.child
	p.replace = c != nil
	p.mu.Unlock()
	if c != nil {
		c.Stop(child.Step{Signal: syscall.SIGTERM, Wait: stopWait})
	}
}

// Kill ends the program as a crash would; it is started again.
func (p *Process) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child != nil {
		p.replace = true
		p.child.Signal(syscall.SIGKILL)
	}
}

// Signal sends the program a signal, as an operator or a debugger would.
func (p *Process) Signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child != nil {
		p.child.Signal(sig)
	}
}

// Starts counts how often the program was started.
func (p *Process) Starts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.starts
}
