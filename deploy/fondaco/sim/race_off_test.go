//go:build !race

package sim

// usual seeds of one run.
const usual = "60"
