package engine

// clientID is a client order id with a hash of the order that was asked for
// under it, by which the same command is known again.
type clientID struct {
	content sum
	next    uint32 // free list
	n       uint8
	text    [MaxClientID]byte
}

// clientIDs is the slab of client order ids; slot 0 is none.
type clientIDs struct {
	rows []clientID
	free uint32
	room room
}

func (s *clientIDs) bytes(i uint32) []byte {
	r := &s.rows[i]
	return r.text[:r.n]
}

func (s *clientIDs) add(id []byte, content sum, m *memory) uint32 {
	i := s.free
	if i != 0 {
		s.free = s.rows[i].next
	} else {
		if len(s.rows) == 0 {
			s.rows = further(s.rows, &s.room, m)
		}
		i = uint32(len(s.rows))
		s.rows = further(s.rows, &s.room, m)
	}
	r := &s.rows[i]
	r.content, r.n = content, uint8(copy(r.text[:], id))
	return i
}

func (s *clientIDs) remove(i uint32) {
	s.rows[i].next = s.free
	s.free = i
}

// hashText is for indexes only: it is in no digest.
func hashText(seed uint64, text []byte) uint64 {
	h := seed*0x9e3779b97f4a7c15 ^ uint64(len(text))
	for len(text) >= 8 {
		h = mix(h ^ le.Uint64(text))
		text = text[8:]
	}
	if len(text) > 0 {
		var w uint64
		for k, c := range text {
			w |= uint64(c) << (8 * k)
		}
		h = mix(h ^ w)
	}
	return mix(h)
}

// findClient returns the order of a client order id, live or remembered; 0 when
// there is none.
func (e *Engine) findClient(account uint64, id []byte) uint32 {
	at, tag := e.byClient.seek(hashText(account, id))
	for {
		s, next := e.byClient.probe(at, tag)
		if s == 0 {
			return 0
		}
		if e.accounts[e.orders[s].acct].id == account && string(e.ids.bytes(e.orders[s].clientID)) == string(id) {
			return s
		}
		at = next
	}
}

// enter and leave keep the indexes; enterName is enter without the id.
func (e *Engine) enter(i uint32) {
	e.byID.add(e.orders[i].id, i, e.orders)
	e.enterName(i)
}

func (e *Engine) enterName(i uint32) {
	o := &e.orders[i]
	r := &o.rest
	account := e.accounts[o.acct].id
	if r.clientID != 0 {
		e.byClient.add(hashText(account, e.ids.bytes(r.clientID)), i)
	} else if o.ref != 0 {
		e.enterRef(mix2(account, o.ref), i)
	}
}

func (e *Engine) leave(i uint32) {
	o := &e.orders[i]
	r := &o.rest
	account := e.accounts[o.acct].id
	e.byID.remove(o.id, i)
	if r.clientID != 0 {
		e.byClient.remove(hashText(account, e.ids.bytes(r.clientID)), i)
		e.ids.remove(r.clientID)
	} else if o.ref != 0 {
		e.byRef.remove(mix2(account, o.ref), i)
	}
}

// bury ends an order's life: it is out of every book and list, and its
// reservation is released. One with a client order id is remembered for a day,
// so that a second order of the same name is answered and not placed.
func (e *Engine) bury(i uint32) {
	if i == e.answer.slot {
		e.capture(i)
	}
	if e.orders[i].terms != 0 {
		e.unschedule(i)
	}
	if e.orders[i].clientID == 0 || e.maxDead == 0 {
		e.forget(i)
		return
	}
	e.entomb(i)
	e.orders[i].arrival = uint64(e.clock.nowMs)
	e.mark(i)
	if e.dead > e.maxDead {
		e.forgetOldest()
	}
}

// entomb puts a dead order at the end of the remembered.
func (e *Engine) entomb(i uint32) {
	o := &e.orders[i]
	o.level, o.prev, o.next = 0, e.deadTail, 0
	if e.deadTail == 0 {
		e.deadHead = i
	} else {
		e.orders[e.deadTail].next = i
	}
	e.deadTail = i
	e.dead++
}

func (e *Engine) forgetOldest() {
	i := e.deadHead
	e.deadHead = e.orders[i].next
	if e.deadHead == 0 {
		e.deadTail = 0
	} else {
		e.orders[e.deadHead].prev = 0
	}
	e.dead--
	e.forget(i)
}

// expireClientIDs forgets orders that are dead for a day.
func (e *Engine) expireClientIDs() {
	for e.deadHead != 0 && int64(e.orders[e.deadHead].arrival) <= e.clock.nowMs-clientIDTTLMs {
		e.forgetOldest()
	}
}

// forget takes a dead order out of the slab.
func (e *Engine) forget(i uint32) {
	e.orderSum.sub(e.orders[i].hashed())
	if e.orders[i].flags&flagPassing == 0 {
		e.leave(i)
	}
	e.freeSlot(i)
}
