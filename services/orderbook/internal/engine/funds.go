package engine

// fundsLog remembers deposits and withdrawals for ever: an id may come again.
// Rows and texts are only ever appended, so a clone shares what is there.
type fundsLog struct {
	rows              []fund
	texts             []byte // the ids, back to back
	rowRoom, textRoom room
	byID              index // slot = index in rows + 1
	sum               sum
}

// fund is a deposit, or a withdrawal when amount is negative.
type fund struct {
	account uint64
	amount  int64
	from    uint64 // of its id in texts
	n       uint16
	asset   uint16
}

func (l *fundsLog) len() int { return len(l.rows) }

func (l *fundsLog) id(f *fund) []byte { return l.texts[f.from : f.from+uint64(f.n)] }

func (l *fundsLog) find(id []byte) *fund {
	at, tag := l.byID.seek(hashText(0, id))
	for {
		s, next := l.byID.probe(at, tag)
		if s == 0 {
			return nil
		}
		if f := &l.rows[s-1]; string(l.id(f)) == string(id) {
			return f
		}
		at = next
	}
}

func (l *fundsLog) add(id []byte, account uint64, asset uint32, amount int64, m *memory) {
	l.rows = further(l.rows, &l.rowRoom, m)
	l.rows[len(l.rows)-1] = fund{account: account, amount: amount, from: uint64(len(l.texts)), n: uint16(len(id)), asset: uint16(asset)}
	if len(l.texts)+len(id) > cap(l.texts) {
		l.texts = grown(l.texts, len(id), &l.textRoom, m)
	}
	l.texts = append(l.texts, id...)
	l.byID.add(hashText(0, id), uint32(len(l.rows)))
	l.sum.add(hashFund(id, account, asset, amount))
}

func hashFund(id []byte, account uint64, asset uint32, amount int64) sum {
	return newHash(kindFunds).text(id).u64(account).u64(uint64(asset)).i64(amount).sum()
}

func (l *fundsLog) clone() fundsLog {
	c := *l
	c.rows, c.texts = l.rows[:len(l.rows):len(l.rows)], l.texts[:len(l.texts):len(l.texts)]
	c.rowRoom, c.textRoom = l.rowRoom.held(), l.textRoom.held()
	c.byID = l.byID.clone()
	return c
}

// deposit adds to an account's available balance, once per id.
func (e *Engine) deposit(c *Command) reason { return e.fund(c, 1) }

// withdraw takes from it.
func (e *Engine) withdraw(c *Command) reason { return e.fund(c, -1) }

func (e *Engine) fund(c *Command, sign int64) reason {
	if r := e.barred(fromFunds); r != ok {
		return e.refuse(c.Account, 0, r)
	}
	a := c.Admin
	if !printableBytes(a.ID, MaxFundsID) {
		return e.refuse(c.Account, 0, rejBadCommand)
	}
	n := e.assetIndex[string(a.Name)]
	if f := e.funds.find(a.ID); f != nil {
		if f.account != c.Account || n == 0 || uint32(f.asset) != n || a.Amount <= 0 || f.amount != sign*a.Amount {
			return e.refuse(c.Account, 0, rejConflict)
		}
		e.answer.repeated = true
		return ok
	}
	switch {
	case c.Account == 0:
		return e.refuse(c.Account, 0, rejUnknownAccount)
	case n == 0:
		return e.refuse(c.Account, 0, rejUnknownAsset)
	case a.Amount <= 0:
		return e.refuse(c.Account, 0, rejBadQuantity)
	case sign > 0 && a.Amount > MaxAmount-e.assets[n-1].supply:
		return e.refuse(c.Account, 0, rejOverflow)
	case sign < 0 && a.Amount > e.available(e.accountSlot(c.Account), n):
		return e.refuse(c.Account, 0, rejInsufficient)
	}
	amount := sign * a.Amount
	e.funds.add(a.ID, c.Account, n, amount, &e.memory)
	e.assets[n-1].supply += amount
	acct := e.account(c.Account)
	e.accounts[acct].known = true
	e.touch(acct, n).available += amount
	e.emitFundsChanged(c.Account, n, amount, a.ID)
	return ok
}
