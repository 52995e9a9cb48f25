package jsonrpc

import "sync"

// bodies are buffers of answers that were read to their end: answers of 10 MB
// follow each other during a backfill, and clearing memory for each costs as much
// as decoding it. They are dropped by the garbage collector when none comes.
var bodies sync.Pool // of *[]byte

// maxKept: a larger buffer is not kept.
const maxKept = 32 << 20

// buffer returns an empty buffer with room for size bytes.
func buffer(size int64) []byte {
	if p, _ := bodies.Get().(*[]byte); p != nil && int64(cap(*p)) >= size {
		return (*p)[:0]
	}
	return make([]byte, 0, size)
}

// release takes back a buffer that nothing refers to any more.
func release(data []byte) {
	if cap(data) >= 64<<10 && cap(data) <= maxKept {
		bodies.Put(&data)
	}
}
