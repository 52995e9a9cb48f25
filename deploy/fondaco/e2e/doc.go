// Package e2e tests the whole house: the demo in one process, the services as
// programs of their own that are killed at random, and their start in any
// order. It has no code of its own.
package e2e
