package engine

// ops are the commands by their field number.
var ops = [...]Op{
	2: OpNew, 3: OpCancel, 4: OpDeposit, 5: OpAddAsset, 6: OpAddMarket, 7: OpAcceptTime, 8: OpTick, 9: OpWithdraw, 10: OpAmend,
	11: OpReplace, 12: OpCancelAll, 13: OpPair, 14: OpKeepAlive, 15: OpSetPhase, 16: OpSetLimits, 17: OpDelist, 18: OpActivate,
}

// decode reads a command into c, which is empty.
func (e *Engine) decode(c *Command, data []byte) {
	r := reader{b: data}
	for {
		f, w := r.next()
		if f == 0 {
			break
		}
		if f < 2 || f >= len(ops) || w != 2 {
			r.skip(w)
			continue
		}
		b := r.bytes(w)
		if c.Op != ops[f] {
			*c = Command{Op: ops[f]}
		}
		if !e.decodeOp(c, b) {
			r.fail()
		}
	}
	if r.bad {
		c.Op = OpBad
	}
}

func (e *Engine) decodeOp(c *Command, b []byte) bool {
	switch c.Op {
	case OpNew:
		return c.readUsual(b) || c.readOrder(b, &e.spare)
	case OpCancel, OpAmend:
		return c.readUsualName(b) || c.readName(b)
	case OpReplace, OpPair:
		return e.readTwo(c, b)
	case OpAcceptTime, OpTick:
		r := reader{b: b}
		for f, w := r.next(); f != 0; f, w = r.next() {
			r.skip(w)
		}
		return !r.bad
	}
	if c.Admin == nil {
		c.Admin = e.spare.newAdmin()
	}
	return c.readAdmin(b)
}

// readTwo reads a replace or a pair.
func (e *Engine) readTwo(c *Command, b []byte) bool {
	if c.Second == nil {
		c.Second = e.spare.newSecond()
	}
	r := reader{b: b}
	for {
		f, w := r.next()
		switch {
		case f == 0:
			return !r.bad
		case f == 1 && w == 2 && c.Op == OpReplace:
			if !c.readName(r.bytes(w)) {
				return false
			}
		case f == 1 && w == 2:
			if !c.readOrder(r.bytes(w), &e.spare) {
				return false
			}
		case f == 2 && w == 2:
			if !c.Second.readOrder(r.bytes(w), &e.spare) {
				return false
			}
		default:
			r.skip(w)
		}
	}
}

// readOrder reads a NewOrder; its rare terms come from p.
func (c *Command) readOrder(b []byte, p *spare) bool {
	r := reader{b: b}
	for {
		f, w := r.next()
		if f == 0 {
			return !r.bad
		}
		if f == 8 {
			c.ClientID = r.bytes(w)
			continue
		}
		if w != 0 {
			r.skip(w)
			continue
		}
		v := r.varint()
		switch f {
		case 1:
			c.Account = v
		case 2:
			c.Market = uint32(v)
		case 3:
			c.Side = enum(v)
		case 4:
			c.Type = enum(v)
		case 5:
			c.TIF = enum(v)
		case 6:
			c.Price = int64(v)
		case 7:
			c.Quantity = int64(v)
		case 9:
			c.Malformed = enum(v)
		case 16:
			c.PostOnly = v != 0
		case 18:
			c.SelfTrade = enum(v)
		case 19:
			c.Ref = v
		case 10, 11, 12, 13, 14, 15, 17:
			if c.Ext == nil {
				c.Ext = p.newTerms()
			}
			c.Ext.set(f, int64(v))
		}
	}
}

// set stores a rare term by its field number.
func (t *Terms) set(field int, v int64) {
	switch field {
	case 10:
		t.Budget = v
	case 11:
		t.Protection = v
	case 12:
		t.Trigger = v
	case 13:
		t.Trail = v
	case 14:
		t.Display = v
	case 15:
		t.MinLots = v
	case 17:
		t.ExpiresMs = v
	}
}

// readName reads a CancelOrder or AmendOrder.
func (c *Command) readName(b []byte) bool {
	r := reader{b: b}
	for {
		f, w := r.next()
		switch f {
		case 0:
			return !r.bad
		case 1:
			c.Account = r.num(w)
		case 2:
			c.OrderID = r.num(w)
		case 3:
			c.ClientID = r.bytes(w)
		case 4:
			c.Ref = r.num(w)
		case 5:
			c.Price = int64(r.num(w))
		case 6:
			c.Quantity = int64(r.num(w))
		case 7:
			c.Malformed = enum(r.num(w))
		default:
			r.skip(w)
		}
	}
}

// readAdmin reads what is neither an order nor about one.
func (c *Command) readAdmin(b []byte) bool {
	r := reader{b: b}
	for {
		f, w := r.next()
		if f == 0 {
			return !r.bad
		}
		switch c.Op {
		case OpCancelAll:
			c.readCancelAll(&r, f, w)
		case OpDeposit, OpWithdraw:
			c.readFunds(&r, f, w)
		case OpAddMarket:
			c.readMarket(&r, f, w)
		default:
			c.readSmall(&r, f, w)
		}
	}
}

func (c *Command) readCancelAll(r *reader, f, w int) {
	switch f {
	case 1:
		c.Account = r.num(w)
	case 2:
		c.Market = uint32(r.num(w))
	case 3:
		c.Side = enum(r.num(w))
	default:
		r.skip(w)
	}
}

func (c *Command) readFunds(r *reader, f, w int) {
	switch f {
	case 1:
		c.Account = r.num(w)
	case 2:
		c.Admin.Name = r.bytes(w)
	case 3:
		c.Admin.Amount = int64(r.num(w))
	case 4:
		c.Admin.ID = r.bytes(w)
	default:
		r.skip(w)
	}
}

func (c *Command) readMarket(r *reader, f, w int) {
	a := c.Admin
	switch f {
	case 1:
		a.Name = r.bytes(w)
	case 2:
		a.Base = r.bytes(w)
	case 3:
		a.Quote = r.bytes(w)
	case 4:
		a.Tick = int64(r.num(w))
	case 5:
		a.Lot = int64(r.num(w))
	case 6:
		a.MakerPPM = int64(r.num(w))
	case 7:
		a.TakerPPM = int64(r.num(w))
	case 8:
		a.Limits.read(r, w)
	case 9:
		a.DayEndsMs = int64(r.num(w))
	case 10:
		a.OneSide = r.num(w) != 0
	case 11:
		a.Phase = enum(r.num(w))
	default:
		r.skip(w)
	}
}

func (l *Limits) read(outer *reader, wire int) {
	r := reader{b: outer.bytes(wire)}
	for {
		f, w := r.next()
		if f == 0 {
			break
		}
		if f > 8 {
			r.skip(w)
			continue
		}
		v := int64(r.num(w))
		*[...]*int64{1: &l.MinLots, &l.MaxLots, &l.MinNotional, &l.MaxNotional, &l.CollarPPM, &l.PausePPM, &l.PauseMs, &l.Reference}[f] = v
	}
	if r.bad {
		outer.fail()
	}
}

// readSmall reads AddAsset, KeepAlive, SetPhase, SetLimits, Delist, Activate.
func (c *Command) readSmall(r *reader, f, w int) {
	a := c.Admin
	switch {
	case c.Op == OpAddAsset && f == 1:
		a.Name = r.bytes(w)
	case c.Op == OpAddAsset && f == 2:
		a.Scale = uint32(r.num(w))
	case c.Op == OpKeepAlive && f == 1:
		c.Account = r.num(w)
	case c.Op == OpKeepAlive && f == 2:
		a.TimeoutMs = int64(r.num(w))
	case c.Op == OpActivate && f == 1:
		a.Semantics = uint32(r.num(w))
	case f == 1 && c.Op != OpKeepAlive:
		c.Market = uint32(r.num(w))
	case c.Op == OpSetLimits && f == 2:
		a.Limits.read(r, w)
	case c.Op == OpSetPhase && f == 2:
		a.Phase = enum(r.num(w))
	case c.Op == OpSetPhase && f == 3:
		a.EndsAtMs = int64(r.num(w))
	case c.Op == OpSetPhase && f == 4:
		a.ThenPhase = enum(r.num(w))
	default:
		r.skip(w)
	}
}
