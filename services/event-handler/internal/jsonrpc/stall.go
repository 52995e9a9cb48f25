package jsonrpc

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// minProgress is what a body has to grow by within Options.Stall, in bytes. A
// node that drips a byte now and then keeps a connection for as long as the
// whole deadline; an honest slow line carries more.
const minProgress = 1 << 10

// errStalled: a body grew by less than minProgress within Options.Stall.
var errStalled = errors.New("the answer dripped")

// read reads a body up to limit+1 bytes. expected is the announced length, -1
// when there is none. abort ends the exchange when the body no longer grows.
func read(body io.Reader, expected, limit int64, stall time.Duration, abort context.CancelCauseFunc) ([]byte, error) {
	var got atomic.Int64
	before := int64(0)
	var timer *time.Timer
	timer = time.AfterFunc(time.Hour, func() {
		now := got.Load()
		if now-before < minProgress {
			abort(errStalled)
			return
		}
		before = now
		timer.Reset(stall)
	})
	timer.Reset(stall) // not before timer is set
	defer timer.Stop()
	size := int64(16 << 10)
	if expected >= 0 {
		size = min(expected, limit) + 1 // one more: the end is seen without growing
	}
	data := buffer(size)
	r := io.LimitReader(body, limit+1)
	for {
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		got.Add(int64(n))
		switch {
		case err == io.EOF:
			return data, nil
		case err != nil:
			return nil, err
		case len(data) == cap(data):
			grown := make([]byte, len(data), 2*cap(data))
			copy(grown, data)
			data = grown
		}
	}
}
