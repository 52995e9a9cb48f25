// Package core is the order book's state machine: accounts, assets, markets
// and resting orders of one venue, as a pure function of its input.
//
// [Engine.Apply] takes one pack of the ORDERS stream (its sequence, who sent it
// and the server's timestamp) and appends the events that it causes, as the
// bytes that go into TRADES, and the answers for the gateway. The same packs in
// the same order give the same bytes on every machine, in every process and in
// every grouping into outputs. For that the package has no clock, goroutine,
// random number, float, logging or I/O in it, and ranges over no map.
//
// # Money
//
// Amounts are int64 in an asset's smallest book unit, products 128 bits wide.
// An order reserves on accept what it can cost at worst, a fill captures from
// the reservation, what is left comes back when the order ends. After every
// command, for every asset:
//
//	sum of available + sum of reserved + fees taken = sum of deposits
//
// # Orders
//
// Orders live in one slab without pointers and are chained by slab index: those
// at a price in the order of their arrival, the dead ones in the order of their
// death for as long as their client ids are remembered. Price levels are a
// sorted slice per side with the best price last.
//
// # Time
//
// Time is the stream's: the highest server timestamp of the packs applied so
// far. See clock.go for what is done about a server whose clock leaps ahead.
package core
