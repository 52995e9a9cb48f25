package casper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/run"
	"fondaco.dev/services/event-handler/internal/sse"
)

// stream reads one endpoint for as long as its context lives.
type stream struct {
	url   string // as requested, without start_from
	key   string // the URL without user and query: names it in the resume
	name  string // in logs and metrics
	http  *http.Client
	idle  time.Duration // silence after which the connection counts as dead
	limit int           // bytes of the largest event
	out   chan<- received
	obs   Observer
	log   *zap.Logger

	// prove says, when a connection begins, whether nothing of it is handed out
	// before it has sent an event that we know or a block that fits.
	prove func() bool
	// sameChain asks JSON-RPC endpoints, if there are any, whether the chain is
	// still the one that is stored.
	sameChain func(ctx context.Context) error
	// lost is told that events are missing, and of which block the last one was
	// that came before: streams of one node are not in step. "" = not known.
	lost func(block string)
	last string

	pos  position
	held []received // waiting for the first block, in order
	size int        // their bytes
}

// Bounds on what waits for a block: a chain makes one every few seconds.
const (
	maxHeld      = 5000
	maxHeldBytes = 32 << 20
)

// overlap is how long the node has for sending the last known event again.
const overlap = 5 * time.Second

var (
	errNotFound = errors.New("answered status 404")
	// errStartOver: the node's ids or its version are not those that we know,
	// so its whole buffer is read again.
	errStartOver = errors.New("the node started over")
)

// ConflictError says that an endpoint serves a block that does not fit the
// chain that is stored under the network's name.
type ConflictError struct{ text string }

func (e *ConflictError) Error() string { return e.text }

// run reads until ctx ends (nil) or the endpoint turns out not to exist
// (errNotFound). Everything else is tried again, ever more slowly.
func (s *stream) run(ctx context.Context) error {
	backoff := run.Backoff{Min: 200 * time.Millisecond, Max: 20 * time.Second}
	said := ""
	for {
		n, err := s.connect(ctx, func() {
			if said != "" {
				s.log.Info("the endpoint streams again", zap.String("endpoint", s.name))
				said = ""
			}
		})
		if ctx.Err() != nil {
			return nil
		}
		s.obs.Connected(s.name, false, err)
		if errors.Is(err, errNotFound) {
			return err
		}
		var conflict *ConflictError
		if n > 0 && !errors.As(err, &conflict) {
			backoff.Reset()
		}
		if text := err.Error(); text != said {
			said = text
			s.log.Warn("event stream ended", zap.String("endpoint", s.name), zap.Int("events", n), zap.Error(err))
		}
		if len(s.held) > 0 {
			s.pos.hasLast = false // what was held is asked for again
		}
		s.held, s.size = nil, 0
		if errors.Is(err, errStartOver) {
			s.pos.hasLast = false
			s.lost(s.last)
		}
		if backoff.Wait(ctx) != nil {
			return nil
		}
	}
}

// connect reads one connection to its end and returns the number of events
// taken. The error is never nil.
func (s *stream) connect(ctx context.Context, opened func()) (int, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silent := fmt.Errorf("silent for %v", s.idle)
	watchdog := time.AfterFunc(s.idle, func() { cancel(silent) })
	defer watchdog.Stop()

	if err := s.sameChain(ctx); err != nil {
		return 0, because(ctx, err)
	}
	body, err := s.open(ctx)
	if err != nil {
		return 0, because(ctx, err)
	}
	defer body.Close()
	up := false
	// The last event that we had is asked for again. A node that crashed counts
	// on from an older id and may have passed ours by now: only the content
	// tells. Ids that are ahead of the node's own give no event at all.
	check, last := s.pos.hasLast, s.pos.lastID
	trusted := !s.prove()
	late := time.AfterFunc(overlap, func() { cancel(fmt.Errorf("%w: event %d does not come", errStartOver, last)) })
	defer late.Stop()
	if !check {
		late.Stop()
	}
	dec := sse.NewDecoder(touching{body, func() { watchdog.Reset(s.idle); s.obs.Alive() }}, s.limit)
	for n := 0; ; n++ {
		ev, err := dec.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the node closed the stream")
			}
			return n, because(ctx, err)
		}
		r, ok, err := s.read(ev, check)
		if err == nil && ok {
			err = s.give(ctx, r, &trusted)
		}
		if err != nil {
			return n, because(ctx, err)
		}
		if check && ev.HasID {
			check, trusted = false, true
			late.Stop()
		}
		if trusted && !up {
			up = true
			opened()
			s.obs.Connected(s.name, true, nil)
		}
	}
}

// because prefers the reason for which ctx was ended.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err // without the URL, which may hold a key
	}
	return err
}

// open makes the request and checks that it is answered with an event stream.
func (s *stream) open(ctx context.Context) (io.ReadCloser, error) {
	u, err := url.Parse(s.url)
	if err != nil {
		return nil, errors.New("the URL cannot be read")
	}
	// Without start_from a node sends only what is new; from 0 on it sends its
	// whole buffer first.
	var from uint64
	if s.pos.hasLast {
		from = s.pos.lastID
	}
	q := u.Query()
	q.Set("start_from", strconv.FormatUint(from, 10))
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Cache-Control", "no-cache")
	res, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case res.StatusCode == http.StatusOK && (media == "text/event-stream" || media == ""):
		return res.Body, nil
	case res.StatusCode == http.StatusNotFound:
		err = errNotFound
	case res.StatusCode == http.StatusUnprocessableEntity && s.pos.hasLast:
		err = fmt.Errorf("%w: it does not take start_from=%d", errStartOver, s.pos.lastID)
	case res.StatusCode == http.StatusOK:
		err = fmt.Errorf("answered %.60q instead of an event stream", media)
	default:
		err = fmt.Errorf("answered status %d", res.StatusCode)
	}
	res.Body.Close()
	return nil, err
}

// touching tells that bytes came.
type touching struct {
	r     io.Reader
	touch func()
}

func (t touching) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if n > 0 {
		t.touch()
	}
	return n, err
}

// endpointName is scheme, host and the stream's name: a path may hold a key.
func endpointName(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "(unreadable URL)"
	}
	name := u.Scheme + "://" + u.Host
	if i := strings.LastIndex(u.Path, "/events"); i >= 0 {
		name += u.Path[i:]
	}
	return name
}

// endpointKey is the URL without user, query and fragment.
func endpointKey(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(unreadable URL)"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
