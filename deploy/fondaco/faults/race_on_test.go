//go:build race

package faults

// flooded is smaller under the race detector, which makes it many times slower,
// and still above what one message holds.
const flooded = 9 << 20
