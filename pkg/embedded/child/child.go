// Package child runs server processes that must not outlive this one.
package child

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"fondaco.dev/pkg/run"
)

// Process is a started child.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// Start runs cmd with a death signal: when this process ends in whatever way,
// the kernel sends sig to the child. That signal is tied to the OS thread that
// started the child, so a thread is locked for it until the child ends.
func Start(cmd *exec.Cmd, sig syscall.Signal) (*Process, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = sig
	// A Ctrl-C at the terminal is for the parent, which stops its children in order.
	cmd.SysProcAttr.Setpgid = true
	p := &Process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		run.SetSlice(0) // a server's child works in bulk unless it says otherwise itself
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	return p, nil
}

// Pid is the child's process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err is how the child ended; call it after Done.
func (p *Process) Err() error {
	if p.err == nil {
		return errors.New("ended with exit status 0")
	}
	return p.err
}

// Signal sends sig; a child that has ended is no error.
func (p *Process) Signal(sig syscall.Signal) { _ = p.cmd.Process.Signal(sig) }

// Step is a signal and the time after which the next one is sent.
type Step struct {
	Signal syscall.Signal
	Wait   time.Duration
}

// Stop sends the signals in order until the child has ended, and SIGKILL last.
func (p *Process) Stop(steps ...Step) {
	for _, s := range append(steps, Step{syscall.SIGKILL, time.Hour}) {
		p.Signal(s.Signal)
		select {
		case <-p.done:
			return
		case <-time.After(s.Wait):
		}
	}
}
