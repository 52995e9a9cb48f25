// Package faults holds the table of misbehaving nodes: each row runs the real
// event-handler and the real writer behind endpoints that lie, and compares
// every row of the index with the chain. docs/NODE_FAULTS.md tells of each.
package faults
