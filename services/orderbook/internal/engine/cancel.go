package engine

// own finds the live order that an owner's command names. An order that is
// dead but remembered is returned with its reject.
func (e *Engine) own(c *Command) (uint32, reason) {
	if r := e.barredOwner(c.Account); r != ok {
		return 0, r
	}
	var i uint32
	switch {
	case c.OrderID != 0 && c.Ref == 0 && len(c.ClientID) == 0:
		if e.stale() {
			return 0, rejStale
		}
		i = e.findID(c.OrderID)
	case c.OrderID == 0 && c.Ref != 0 && len(c.ClientID) == 0:
		if e.stale() {
			return 0, rejStale
		}
		i, _ = e.seekRef(e.hint.ref(c), c.Account, c.Ref)
	case c.OrderID == 0 && c.Ref == 0 && printableBytes(c.ClientID, MaxClientID):
		if e.stale() {
			return 0, rejStale
		}
		i = e.findClient(c.Account, c.ClientID)
	default:
		return 0, rejBadCommand
	}
	o := &e.orders[i]
	switch {
	case i == 0 || e.accounts[o.acct].id != c.Account:
		return 0, rejUnknownOrder
	case !o.isLive():
		return i, rejAlreadyDone
	case e.market(o).phase == phaseHalted:
		return i, rejPhase
	}
	return i, ok
}

// refuseOwn refuses a command about an order, which the answer shows when it
// was found.
func (e *Engine) refuseOwn(c *Command, i uint32, r reason) reason {
	id := c.OrderID
	if i != 0 {
		id = e.orders[i].id
		e.answer.slot = i
	}
	return e.refuse(c.Account, id, r)
}

// cancel ends a live order at its owner's wish.
func (e *Engine) cancel(c *Command) reason {
	i, r := e.own(c)
	if r != ok {
		return e.refuseOwn(c, i, r)
	}
	e.answer.slot = i
	o := &e.orders[i]
	if o.status == statusWaiting {
		e.unwait(i)
	} else {
		e.unrest(i)
	}
	e.end(i, causeRequested)
	return ok
}
