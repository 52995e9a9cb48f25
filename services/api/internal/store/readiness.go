package store

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Server is what is known of one Postgres.
type Server struct {
	Name    string `json:"name"` // scheme and address alone
	Role    string `json:"role"` // primary, replica
	Serving bool   `json:"serving"`
	// LagMS is for how long it has lacked something that the primary holds; null
	// = unknown.
	LagMS *int64 `json:"lag_ms"`
	// ReplayMS is how old the newest transaction is that it replayed; absent
	// on a server that replays nothing.
	ReplayMS *int64 `json:"replay_age_ms,omitempty"`
	// Positions are those of each partition, Behind what it is short of the
	// primary's; only partitions that are short.
	Positions map[string]uint64 `json:"positions"`
	Behind    map[string]uint64 `json:"behind,omitempty"`
	Reason    string            `json:"reason,omitempty"` // why it is left out
}

// unfit says why a server is left out of the turns; nil = it serves.
func (s *Store) unfit(sv *server, live *Snapshot, now time.Time) error {
	seen := sv.sight.Load()
	switch {
	case seen.err != nil:
		return seen.err
	case live != nil && seen.snap.Build != live.Build:
		return fmt.Errorf("it has build %s, and %s is live", seen.snap.Build, live.Build)
	}
	if lag := sv.lag(now); !sv.primary && lag > s.cfg.MaxLag {
		return fmt.Errorf("it is %s behind the primary", lag.Round(time.Millisecond))
	}
	return nil
}

// Servers lists the primary and the replicas.
func (s *Store) Servers() []Server {
	now, live := time.Now(), s.live.Load()
	var primary *Snapshot
	for _, sv := range s.servers {
		if sv.primary {
			primary = sv.sight.Load().snap
		}
	}
	out := make([]Server, 0, len(s.servers))
	for _, sv := range s.servers {
		seen := sv.sight.Load()
		v := Server{Name: sv.name, Role: "replica", Serving: sv.reads, Positions: map[string]uint64{}}
		if sv.primary {
			v.Role = "primary"
		}
		if err := s.unfit(sv, live, now); err != nil {
			v.Serving, v.Reason = false, reason(seen, err)
		} else if !sv.reads {
			v.Reason = "serves what the replicas cannot"
		}
		if seen.snap != nil {
			lag := sv.lag(now).Milliseconds()
			v.LagMS = &lag
			for partition, c := range seen.snap.cursors {
				v.Positions[partition] = c.Pos
			}
			if !sv.primary {
				v.Behind = behind(seen.snap, primary)
			}
		}
		if seen.err == nil && seen.replay >= 0 {
			age := seen.replay.Milliseconds()
			v.ReplayMS = &age
		}
		out = append(out, v)
	}
	return out
}

// reason is what may be shown of an error: a driver's own words name users and
// databases.
func reason(seen *sight, err error) string {
	switch {
	case seen.err == nil:
		return err.Error()
	case seen.snap == nil:
		return "it was not reached yet"
	}
	return "it does not answer"
}

// lags exports what Servers says.
type lags Store

var (
	lagDesc     = prometheus.NewDesc("fondaco_api_postgres_lag_seconds", "For how long a server has lacked something that the primary holds.", []string{"server", "role"}, nil)
	servingDesc = prometheus.NewDesc("fondaco_api_postgres_serving", "1 when reads have their turn at a server.", []string{"server", "role"}, nil)
)

// Describe is of prometheus.Collector.
func (l *lags) Describe(ch chan<- *prometheus.Desc) { ch <- lagDesc; ch <- servingDesc }

// Collect is of prometheus.Collector.
func (l *lags) Collect(ch chan<- prometheus.Metric) {
	for _, sv := range (*Store)(l).Servers() {
		serving := 0.0
		if sv.Serving {
			serving = 1
		}
		ch <- prometheus.MustNewConstMetric(servingDesc, prometheus.GaugeValue, serving, sv.Name, sv.Role)
		if sv.LagMS != nil {
			ch <- prometheus.MustNewConstMetric(lagDesc, prometheus.GaugeValue, float64(*sv.LagMS)/1000, sv.Name, sv.Role)
		}
	}
}
