//go:build !race

package faults

// flooded is how many bytes of logs a huge block holds.
const flooded = 20 << 20
