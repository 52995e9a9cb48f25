package casper

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"fondaco.dev/pkg/run"
)

// node keeps the streams of one configured URL. A base URL is tried as 2.x
// (/events), then as 1.x (three streams), as often as it takes.
func (s *Source) node(ctx context.Context, base string, positions map[string]position, client *http.Client, f *filler, out chan<- received) {
	one := func(ctx context.Context, u string) error {
		key := endpointKey(u)
		st := &stream{
			url: u, key: key, name: endpointName(u), http: client, idle: s.set.Idle, limit: maxEvent, out: out, obs: observed{s.obs, s}, log: s.log,
			pos: positions[key], sameChain: f.sameChain, prove: s.bound, lost: s.suspect,
		}
		if strings.HasSuffix(key, "/deploys") || strings.HasSuffix(key, "/sigs") {
			st.prove = func() bool { return false } // they hold no blocks
		}
		s.opens(st)
		err := st.run(ctx)
		if errors.Is(err, errNotFound) {
			s.closes(st)
		}
		return err
	}
	if u, err := url.Parse(base); err == nil && strings.Trim(u.Path, "/") != "" {
		backoff := run.Backoff{Min: time.Second, Max: 30 * time.Second}
		for one(ctx, base) != nil && backoff.Wait(ctx) == nil {
		}
		return
	}
	at := func(path string) string {
		u, err := url.Parse(base)
		if err != nil {
			return base
		}
		return u.JoinPath(path).String()
	}
	backoff := run.Backoff{Min: time.Second, Max: 30 * time.Second}
	for {
		if one(ctx, at("/events")) == nil {
			return
		}
		s.forget(endpointName(at("/events")))
		inner, cancel := context.WithCancel(ctx)
		var wg sync.WaitGroup
		for _, path := range []string{"/events/main", "/events/deploys", "/events/sigs"} {
			wg.Go(func() {
				if one(inner, at(path)) != nil {
					cancel() // the node was replaced: look again
				}
			})
		}
		wg.Wait()
		cancel()
		if backoff.Wait(ctx) != nil {
			return
		}
	}
}

// observed notes which endpoints are up.
type observed struct {
	Observer
	s *Source
}

func (o observed) Connected(endpoint string, up bool, err error) {
	o.s.mu.Lock()
	if up {
		err = nil
	} else if err == nil {
		err = errors.New("not connected")
	}
	o.s.ends[endpoint] = err
	o.s.connected(endpoint, err)
	o.s.mu.Unlock()
	o.Observer.Connected(endpoint, up, err)
}

func (s *Source) forget(endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ends, endpoint)
}
