package engine

import (
	"cmp"
	digester "hash"
	"slices"
)

// defaultWorkBound is the number of units of work that one command, or the start
// of a pack, does at most: activations of waiting orders, cancels of mass
// cancels.
const defaultWorkBound = 10_000

// lateScratch is what triggers, timers and mass cancels need beside their state.
type lateScratch struct {
	left    int  // units of work left for the command at hand
	changed bool // Engine.jobs, since the pack began
	targets []target
	moving  []target // trailing stops
	chases  []chase  // as they were before the pack
	bids    []stock
	asks    []stock
	digest  digester.Hash
	input   []byte
}

// job is an unfinished CancelAll, dead-man or delist: its orders are canceled
// in the order of their ids, at most Engine.workBound by one command or at the
// start of a pack. Waiting orders that are due and were left for lack of work
// are not listed: a continuous market with a due trigger has more to do.
type job struct {
	account uint64 // 0: all
	market  uint32 // 0: all
	side    uint8  // 0: both
	why     cause
	after   uint64   // canceled up to this id
	last    uint64   // younger orders stay
	targets []target // what is left, once it was looked up; not part of the state
	looked  bool
}

// target is a live order of a mass cancel as it was found: the slot may have
// another order by now.
type target struct {
	id   uint64
	slot uint32
}

// beginWork gives the command at hand, or the start of a pack, its units.
func (e *Engine) beginWork() { e.late.left = e.workBound }

// Pending reports that there is work left for the next pack: a tick would get
// it done.
func (e *Engine) Pending() bool {
	return !e.clock.halted && (len(e.jobs) > 0 || e.pendingMarkets > 0)
}

// continuePending goes on with what earlier packs left: mass cancels by their
// age, then triggers by market.
func (e *Engine) continuePending() {
	kept := e.jobs[:0]
	for _, c := range e.jobs {
		before := c.after
		through := e.sweepOn(&c)
		e.late.changed = e.late.changed || through || c.after != before
		if !through {
			kept = append(kept, c)
		}
	}
	e.jobs = kept
	// Also without work left: what the cancels took may have been all that a
	// market had to do.
	for k := 0; e.pendingMarkets > 0 && k < len(e.markets); k++ {
		if e.markets[k].pending {
			e.runTriggers(&e.markets[k])
		}
	}
}

// cancelAll cancels orders of an account at its wish, or of any at an
// administrator's.
func (e *Engine) cancelAll(c *Command) reason {
	why := causeRequested
	if e.in.From == fromAdmin {
		why = causeByAdmin
		if e.clock.halted {
			return e.refuse(c.Account, 0, rejHalted)
		}
	} else if r := e.ownerBarred(c.Account); r != ok {
		return e.refuse(c.Account, 0, r)
	}
	switch {
	case c.Side > sell:
		return e.refuse(c.Account, 0, rejBadCommand)
	case int(c.Market) > len(e.markets):
		return e.refuse(c.Account, 0, rejUnknownMarket)
	case c.Market != 0 && why == causeRequested && e.markets[c.Market-1].phase == phaseHalted:
		return e.refuse(c.Account, 0, rejPhase)
	}
	e.answer.canceled = e.sweep(job{account: c.Account, market: c.Market, side: c.Side, why: why, last: e.orderID})
	return ok
}

// ownerBarred is barredOwner and the age of the pack.
func (e *Engine) ownerBarred(account uint64) reason {
	if r := e.barredOwner(account); r != ok {
		return r
	}
	if e.stale() {
		return rejStale
	}
	return ok
}

// listed reports a market that takes commands.
func (e *Engine) listed(number uint32) bool {
	return number != 0 && int(number) <= len(e.markets) && e.markets[number-1].phase != phaseDelisted
}

// sweep cancels as much as work allows and keeps the rest for later. It returns
// the number of orders canceled now.
func (e *Engine) sweep(c job) (canceled int) {
	before := e.late.left
	c.targets = e.late.targets[:0]
	done := e.sweepOn(&c)
	canceled = before - e.late.left
	if done {
		e.late.targets = c.targets[:0]
		return canceled
	}
	e.late.targets = nil // belongs to c from here on
	e.jobs = append(e.jobs, c)
	e.late.changed = true
	return canceled
}

// sweepOn goes on with a mass cancel and reports whether it is through.
func (e *Engine) sweepOn(c *job) bool {
	if !c.looked {
		e.lookUp(c)
	}
	next := 0 // after the last one canceled
	for k := range c.targets {
		t := c.targets[k]
		o := &e.orders[t.slot]
		if o.id != t.id || !o.isLive() || c.spares(e, o) {
			continue
		}
		if e.late.left == 0 {
			// What was spared after the last cancel is looked at again later,
			// as it would be after a restart.
			c.targets = c.targets[next:]
			return false
		}
		e.late.left--
		e.cancelLive(t.slot, c.why)
		c.after, next = t.id, k+1
	}
	c.targets = c.targets[:0]
	return true
}

// spares reports an order that its owner may not have canceled now.
func (c *job) spares(e *Engine, o *order) bool {
	return c.why == causeRequested && e.market(o).phase == phaseHalted
}

// lookUp finds the orders that a mass cancel is about, by id.
func (e *Engine) lookUp(c *job) {
	c.looked = true
	if c.account != 0 {
		for i := e.accounts[e.accountSlot(c.account)].head; i != 0; i = e.orders[i].anext {
			c.aim(&e.orders[i], i)
		}
	} else {
		for i := 1; i < len(e.orders); i++ {
			if e.orders[i].isLive() {
				c.aim(&e.orders[i], uint32(i))
			}
		}
	}
	slices.SortFunc(c.targets, func(a, b target) int { return cmp.Compare(a.id, b.id) })
}

func (c *job) aim(o *order, slot uint32) {
	if o.id > c.after && o.id <= c.last && (c.market == 0 || uint32(o.market) == c.market) && (c.side == 0 || o.side() == c.side) {
		c.targets = append(c.targets, target{o.id, slot})
	}
}

// tellWorkLeft leaves the event of a pack that changed the lists of unfinished
// mass cancels and of prices that trailing stops have still to follow.
func (e *Engine) tellWorkLeft() {
	if !e.late.changed && slices.Equal(e.chases, e.late.chases) {
		return
	}
	e.late.changed = false
	f := e.out.tmp[:0]
	for k := range e.jobs {
		c := &e.jobs[k]
		var one [64]byte
		b := putUint(putUint(one[:0], 1, c.account), 2, uint64(c.market))
		b = putUint(putUint(b, 3, uint64(c.side)), 4, uint64(c.why))
		f = putMessage(f, 1, putUint(putUint(b, 5, c.after), 6, c.last))
	}
	for _, c := range e.chases {
		var one [64]byte
		side := sell
		if c.buys {
			side = buy
		}
		b := putUint(putUint(one[:0], 1, uint64(c.market)), 2, uint64(side))
		f = putMessage(f, 2, putUint(putInt(b, 3, c.price), 4, c.last))
	}
	e.put(23, f)
}

// appendJobs appends the unfinished work, for digest and snapshot.
func (e *Engine) appendJobs(b []byte) []byte {
	b = appendUints(b, uint64(len(e.jobs)))
	for k := range e.jobs {
		c := &e.jobs[k]
		b = appendUints(b, c.account, uint64(c.market), uint64(c.side), uint64(c.why), c.after, c.last)
	}
	return e.appendChases(b)
}
