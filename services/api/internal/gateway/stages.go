package gateway

import "github.com/prometheus/client_golang/prometheus"

// secondsBuckets are those of whatever an order waits for.
var secondsBuckets = []float64{.0005, .001, .002, .003, .005, .01, .02, .05, .1, .25, 1, 5}

// stages are where an order's time in this process goes, one after the other;
// the leader counts its own. All in seconds.
type stages struct {
	waiting   prometheus.Observer // a batch's, from its arrival until its pack is sealed: the pack before is under way
	answering prometheus.Observer // a pack's, from its seal to its answer
	waking    prometheus.Observer // a batch's, from its answer until its caller goes on
}

func newStages(reg prometheus.Registerer) stages {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "fondaco_api_gateway_stage_seconds",
		Help: "Where an order's time goes: waiting for the pack before, answering (the pack is stored and applied), waking who sent it.", Buckets: secondsBuckets},
		[]string{"stage"})
	reg.MustRegister(v)
	return stages{waiting: v.WithLabelValues("waiting"), answering: v.WithLabelValues("answering"), waking: v.WithLabelValues("waking")}
}
