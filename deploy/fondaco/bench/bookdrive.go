package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"fondaco.dev/pkg/embedded/child"
	"fondaco.dev/pkg/run"
)

// driveSpec is what clients send. They run in a process of their own: in this one
// they would share the scheduler of Go with NATS, which no client does.
type driveSpec struct {
	Hosts, Tokens []string
	Sockets       bool          // arrays over sockets instead of requests
	Clients       int           // connections, spread over the hosts
	Many          int           // orders in a request
	Pipelined     int           // requests under way on a socket
	Rate          int           // orders a second offered over all; 0 = as many as are answered
	Window        time.Duration // for so long
	Ref           uint64        // the first client_ref is the one behind it
}

// driven is what clients saw.
type driven struct {
	Took   []time.Duration // of each request, sorted
	Orders float64         // a second
	Ref    uint64          // the last client_ref used
	CPU    time.Duration   // of the clients
	Err    string
}

// drive runs clients and waits for their end.
func (b *Book) drive(ctx context.Context, spec driveSpec) (d driven, err error) {
	self, err := os.Executable()
	if err != nil {
		return d, err
	}
	spec.Window, spec.Ref = b.Window, refs.Load()
	text, err := json.Marshal(spec)
	if err != nil {
		return d, err
	}
	// Not among the arguments, which everybody may read: there are tokens in it.
	cmd := exec.CommandContext(ctx, self, helperDrive, "{}")
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), &out, os.Stderr
	p, err := child.Start(cmd, syscall.SIGKILL)
	if err != nil {
		return d, err
	}
	<-p.Done() // the context's end kills it
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		return d, errors.Join(ctx.Err(), fmt.Errorf("the clients did not say what they saw: %w", err))
	}
	refs.Store(d.Ref)
	if d.Err != "" {
		return d, errors.New(d.Err)
	}
	return d, nil
}

// clientSlack is the kernel's default: the clients' clocks are what is measured
// with.
const clientSlack = 50 * time.Microsecond

// driveHelper is the clients' process.
func driveHelper(ctx context.Context, in io.Reader, out io.Writer) error {
	run.SetThreads(run.Threads{Slack: clientSlack})
	var spec driveSpec
	if err := json.NewDecoder(in).Decode(&spec); err != nil {
		return fmt.Errorf("reading what to do: %w", err)
	}
	refs.Store(spec.Ref)
	var d driven
	var err error
	if spec.Sockets {
		d, err = spec.sockets(ctx)
	} else {
		d, err = spec.requests(ctx)
	}
	if err != nil {
		d.Err = err.Error()
	}
	d.Ref, d.CPU = refs.Load(), selfCPU()
	return json.NewEncoder(out).Encode(&d)
}

// requests sends them over connections that each wait for their answer. With a
// rate a request's time begins when it was due: one that waits for an answer
// before it is late, not left out.
func (s *driveSpec) requests(ctx context.Context) (driven, error) {
	var mu sync.Mutex
	var out driven
	var errs []error
	var wg sync.WaitGroup
	began := time.Now()
	end := began.Add(s.Window)
	for i := range s.Clients {
		wg.Go(func() {
			due := func(int) time.Time { return time.Now() }
			if s.Rate > 0 {
				gap := time.Second * time.Duration(s.Clients) / time.Duration(s.Rate)
				due = func(n int) time.Time {
					at := began.Add(gap*time.Duration(n) + gap*time.Duration(i)/time.Duration(s.Clients))
					time.Sleep(time.Until(at))
					return at
				}
			}
			took, err := client(ctx, s.Hosts[i%len(s.Hosts)], s.Tokens[i%len(s.Tokens)], s.Many, end, due)
			mu.Lock()
			defer mu.Unlock()
			out.Took = append(out.Took, took...)
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	if len(errs) > 0 {
		return out, fmt.Errorf("%d of %d clients: %w", len(errs), s.Clients, errs[0])
	}
	if len(out.Took) == 0 {
		return out, errors.New("nobody was answered")
	}
	slices.Sort(out.Took)
	out.Orders = float64(len(out.Took)*s.Many) / time.Since(began).Seconds()
	return out, ctx.Err()
}

// sockets sends arrays of orders, several under way on each.
func (s *driveSpec) sockets(ctx context.Context) (out driven, err error) {
	var mu sync.Mutex
	var errs []error
	var wg sync.WaitGroup
	done := 0
	began := time.Now()
	end := began.Add(s.Window)
	for i := range s.Clients {
		wg.Go(func() {
			n, err := socket(ctx, s.Hosts[i%len(s.Hosts)], s.Tokens[i%len(s.Tokens)], s.Many, s.Pipelined, end)
			mu.Lock()
			defer mu.Unlock()
			if done += n; err != nil {
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	out.Orders = float64(done) / time.Since(began).Seconds()
	return out, errors.Join(errs...)
}
