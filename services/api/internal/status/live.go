package status

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"fondaco.dev/pkg/bus"
	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/shape"
	"fondaco.dev/services/api/internal/store"
)

// State is what the channel status tells: whether this replica can serve, and
// what happened that a client may want to act on.
type State struct {
	Ready       bool             `json:"ready"`
	WaitingFor  []string         `json:"waiting_for"` // what is not there yet; [] when ready
	Status      string           `json:"status"`      // ok, loading
	Networks    []Lag            `json:"networks"`
	Reorg       *Reorg           `json:"reorg"`       // the last one that this replica told, or null
	Maintenance *bus.Maintenance `json:"maintenance"` // null = none
	Promotion   *Promotion       `json:"promotion"`   // the last one that this replica saw, or null
}

// Lag is how far one network is.
type Lag struct {
	Network   string  `json:"network"`
	Status    string  `json:"status"`     // ok, loading, stopped
	LagBlocks *uint64 `json:"lag_blocks"` // behind the node's head; null = unknown
	Problem   string  `json:"problem,omitempty"`
}

// Reorg is blocks to_number+1..from_number that are no longer of the chain.
type Reorg struct {
	Network    string    `json:"network"`
	ToNumber   uint64    `json:"to_number"`
	FromNumber uint64    `json:"from_number"`
	At         time.Time `json:"at"`
}

// Promotion is another build that went live: rows may be decoded otherwise.
type Promotion struct {
	Build string    `json:"build"`
	At    time.Time `json:"at"`
}

// lookEvery bounds how late a change is told that nobody announces.
const lookEvery = 500 * time.Millisecond

// Live tells the state to whoever follows it, whenever it is another. It is
// safe for concurrent use.
type Live struct {
	board       *Board
	ready       func() error
	maintenance func() *bus.Maintenance
	feed        *feed.Feed
	changed     chan struct{}

	mu        sync.Mutex
	build     string
	reorg     *Reorg
	promotion *Promotion
	seq       uint64
	epoch     string
	now       []byte
}

// NewLive makes the channel of a board. ready is nil or says what is waited
// for; maintenance is what there is now.
func NewLive(b *Board, ready func() error, maintenance func() *bus.Maintenance, reg prometheus.Registerer) *Live {
	told := prometheus.NewCounter(prometheus.CounterOpts{Name: "fondaco_api_status_frames_total", Help: "Frames given to subscriptions to the status."})
	reg.MustRegister(told)
	l := &Live{board: b, ready: ready, maintenance: maintenance, feed: feed.New(told), changed: make(chan struct{}, 1),
		epoch: strconv.FormatInt(time.Now().UnixNano(), 36)}
	l.feed.Start(l.epoch, 0)
	l.look()
	return l
}

// Feed is where its subscriptions are.
func (l *Live) Feed() *feed.Feed { return l.feed }

// Changed has it look at once.
func (l *Live) Changed() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// OnReorg takes what a feed told.
func (l *Live) OnReorg(network string, r *feedv1.Reverted) {
	l.mu.Lock()
	l.reorg = &Reorg{Network: network, ToNumber: r.GetToNumber(), FromNumber: r.GetFromNumber(), At: time.Now().UTC().Truncate(time.Millisecond)}
	l.mu.Unlock()
	l.Changed()
}

// OnPoll notices a promotion.
func (l *Live) OnPoll(snap *store.Snapshot) {
	l.mu.Lock()
	was := l.build
	if l.build = snap.Build; was != "" && was != snap.Build {
		l.promotion = &Promotion{Build: snap.Build, At: time.Now().UTC().Truncate(time.Millisecond)}
	}
	l.mu.Unlock()
	if was != snap.Build {
		l.Changed()
	}
}

// Run tells changes until ctx ends.
func (l *Live) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.changed:
		case <-tick.C:
		}
		l.look()
	}
}

// look tells the state if it is another than before.
func (l *Live) look() {
	report, waiting := l.board.Report(), []string{}
	if err := l.ready(); err != nil {
		waiting = strings.Split(err.Error(), "; ")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	st := State{Ready: len(waiting) == 0, WaitingFor: waiting, Status: report.Status, Networks: []Lag{}, Reorg: l.reorg, Maintenance: l.maintenance(), Promotion: l.promotion}
	for _, n := range report.Networks {
		st.Networks = append(st.Networks, Lag{Network: n.Name, Status: n.Status, LagBlocks: n.LagBlocks, Problem: n.Problem})
	}
	data := shape.Encode(st)
	if bytes.Equal(data, l.now) {
		return
	}
	l.now = data
	l.seq++
	m := feed.NewMessage(l.seq, "event", feed.Status, feed.Scope{}, l.epoch, nil, 0, func() []byte { return data })
	m.Passing = true
	l.feed.Publish([]*feed.Message{m}, l.seq)
}

// Join makes s a member that begins with the state as of now.
func (l *Live) Join(s *feed.Sub, hello func(epoch string, seq uint64, data []byte)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.feed.JoinAt(s, l.seq, func(epoch string, seq uint64) { hello(epoch, seq, l.now) })
	return nil
}
