package partition

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics of all partitions of a writer.
type Metrics struct {
	Rows         *prometheus.CounterVec
	Batches      *prometheus.CounterVec
	Seconds      *prometheus.HistogramVec
	Lag          *prometheus.GaugeVec
	Seq          *prometheus.GaugeVec
	Head         *prometheus.GaugeVec
	DecodeErrors *prometheus.CounterVec
	DeadLetters  *prometheus.CounterVec
	Failed       *prometheus.CounterVec
	Replayed     *prometheus.CounterVec
	Quarantined  *prometheus.CounterVec
	Duplicates   *prometheus.CounterVec
	SeekBacks    *prometheus.CounterVec
	Fenced       *prometheus.CounterVec
}

// NewMetrics registers the metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, more ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "fondaco", Subsystem: "writer", Name: name, Help: help}, append([]string{"partition"}, more...))
		r.MustRegister(c)
		return c
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "fondaco", Subsystem: "writer", Name: name, Help: help}, []string{"partition"})
		r.MustRegister(g)
		return g
	}
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "fondaco", Subsystem: "writer", Name: "batch_seconds",
		Help: "Duration of a transaction.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)}, []string{"partition"})
	r.MustRegister(seconds)
	return &Metrics{
		Rows:         counter("rows_total", "Rows committed.", "table"),
		Batches:      counter("batches_total", "Transactions committed."),
		Seconds:      seconds,
		Lag:          gauge("lag_messages", "Messages of the stream behind the last one taken."),
		Seq:          gauge("cursor_seq", "Stream sequence of the cursor."),
		Head:         gauge("head", "Highest block indexed."),
		DecodeErrors: counter("decode_errors_total", "Logs and facts stored raw since they could not be decoded."),
		DeadLetters:  counter("dead_letters_total", "Units that could not be applied."),
		Failed:       counter("units_failed_total", "Times that Postgres refused a unit, which is tried again before it is dead."),
		Replayed:     counter("dead_letters_replayed_total", "Dead letters that were applied after all."),
		Quarantined:  counter("quarantined_total", "Facts whose content differs from the one that holds their key."),
		Duplicates:   counter("duplicates_total", "Units and facts that were held already."),
		SeekBacks:    counter("seek_backs_total", "Seek backs after a broken stream."),
		Fenced:       counter("fenced_total", "Transactions refused since another writer had moved the cursor."),
	}
}
