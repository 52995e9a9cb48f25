// Package engine is the order book's state machine: accounts, assets, markets
// and orders of one venue, as a pure function of its input. Its rules are those
// of docs/MATCHING.md.
//
// [Engine.Apply] takes one pack of the ORDERS stream (its bytes, its sequence,
// who sent it and the server's timestamp) and appends the events that it causes,
// as the bytes that go into TRADES, and the answers for the gateway. The same
// packs in the same order give the same bytes on every machine, in every process
// and in every grouping into outputs. For that the package has no clock,
// goroutine, random number, float, logging or I/O in it, and ranges over no map.
//
// # Memory
//
// Everything that grows is in slabs without pointers, named by slot, 0 being
// none, so that a copy is a copy of memory and the collector has nothing to
// follow:
//
//	orders   two cache lines an order: what matching touches, and the rest
//	terms    what few orders have: triggers, icebergs, pairs, deadlines
//	ladder   price levels below a tree of 64-way bitmaps, per side
//	index    open addressing, a tag and a slot a row, in parts, for names
//	refs     buckets of one cache line, for client_refs
//	heap     timers and triggers, rebuilt and never stored
//
// What grows with orders, accounts and deposits grows where it is if its owner gives
// it address space (room.go): no command waits for a copy of the book. The heaps and
// the ladders are copied as they grow, being a tenth of that or less.
//
// In steady state a command allocates nothing. What nearly all commands are has a
// way of its own (plain.go, plaintake.go), the rules are all in the other files. The commands of a pack are looked
// at ahead so that their memory is there when they come (ahead.go).
package engine
