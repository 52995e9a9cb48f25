package faults

import (
	"cmp"
	"time"

	"fondaco.dev/pkg/bus"
	eventhandler "fondaco.dev/services/event-handler"
)

// handlerConfig is the event-handler's, with short waits.
func handlerConfig(w *world) eventhandler.Config {
	return eventhandler.Config{
		File: w.file, Bus: bus.Config{URL: w.nats, Name: "event-handler"}, AdminAddr: w.admin,
		Poll: 20 * time.Millisecond, RPCTimeout: cmp.Or(w.timeout, 2*time.Second), RestMin: 10 * time.Millisecond, RestMax: 200 * time.Millisecond,
		Scout: 200 * time.Millisecond, Recheck: 500 * time.Millisecond, DeepConfirm: 100 * time.Millisecond, RescanEvery: 50 * time.Millisecond,
	}
}
