// Package rules holds the tests that keep the house's split: which module may
// import which, what a service shows of itself, and what stays pure. It has no
// code of its own.
package rules
