package core

import (
	"cmp"
	"slices"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// account is one holder of balances; it exists from its first deposit on.
type account struct {
	id    uint64
	first int32 // first balance; the rest follows in balance.next
}

// balance is what an account holds of an asset, in its smallest book unit.
type balance struct {
	available int64
	reserved  int64
	stamp     uint64 // the command that last touched it
	account   int32
	asset     int32
	next      int32
}

// touch is a balance as it was before the command at hand.
type touch struct {
	balance   int32
	available int64
	reserved  int64
}

// deposit is remembered for ever: its id may come again.
type deposit struct {
	id      string
	account uint64
	asset   int32
	amount  int64
}

// deposit adds to an account's available balance, once per deposit id.
func (e *Engine) deposit(index int, c *ordersv1.Deposit) reason {
	if r := e.barred(ordersv1.FromFunds); r != ok {
		return e.refuse(index, c.GetAccount(), 0, r)
	}
	refuse := func(r reason) reason { return e.refuse(index, c.Account, 0, r) }
	if !printable(c.DepositId, MaxDepositID) {
		return refuse(ordersv1.RejectReason_REJECT_REASON_BAD_COMMAND)
	}
	as, known := e.assetIndex[c.Asset]
	if i, again := e.depositIndex[c.DepositId]; again {
		d := &e.deposits[i]
		if d.account != c.Account || !known || d.asset != as || d.amount != c.Amount {
			return refuse(ordersv1.RejectReason_REJECT_REASON_CONFLICT)
		}
		e.reply.outcome(ok, true)
		return ok
	}
	switch {
	case c.Account == 0:
		return refuse(ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ACCOUNT)
	case !known:
		return refuse(ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ASSET)
	case c.Amount <= 0:
		return refuse(ordersv1.RejectReason_REJECT_REASON_BAD_QUANTITY)
	case c.Amount > MaxAmount-e.assets[as].supply:
		return refuse(ordersv1.RejectReason_REJECT_REASON_OVERFLOW)
	}
	d := deposit{c.DepositId, c.Account, as, c.Amount}
	e.depositIndex[d.id] = int32(len(e.deposits))
	e.deposits = append(e.deposits, d)
	e.depositSum.add(d.hash())
	e.assets[as].supply += c.Amount
	b := e.touch(e.balanceOf(e.accountOf(c.Account), as))
	b.available += c.Amount
	e.emitDeposited(c)
	e.reply.outcome(ok, false)
	return ok
}

// accountOf finds an account, making it on first use.
func (e *Engine) accountOf(id uint64) int32 {
	if i, found := e.accountIndex[id]; found {
		return i
	}
	i := int32(len(e.accounts))
	e.accounts = append(e.accounts, account{id: id, first: none})
	e.accountIndex[id] = i
	return i
}

// balanceOf finds an account's balance of an asset, making it on first use.
func (e *Engine) balanceOf(acct, as int32) int32 {
	last := none
	for i := e.accounts[acct].first; i != none; i = e.balances[i].next {
		if e.balances[i].asset == as {
			return i
		}
		last = i
	}
	i := int32(len(e.balances))
	e.balances = append(e.balances, balance{account: acct, asset: as, next: none})
	if last == none {
		e.accounts[acct].first = i
	} else {
		e.balances[last].next = i
	}
	return i
}

// available is what an account can spend of an asset; 0 when it holds none.
func (e *Engine) available(acct, as int32) int64 {
	if acct == none {
		return 0
	}
	for i := e.accounts[acct].first; i != none; i = e.balances[i].next {
		if e.balances[i].asset == as {
			return e.balances[i].available
		}
	}
	return 0
}

// touch returns a balance for changing; the first touch of a command keeps
// what it was. The pointer is good until the next balanceOf.
func (e *Engine) touch(i int32) *balance {
	b := &e.balances[i]
	if b.stamp != e.stamp {
		b.stamp = e.stamp
		e.touched = append(e.touched, touch{i, b.available, b.reserved})
	}
	return b
}

// flushBalances ends a command: one event for each balance that is not what it
// was, by account and asset.
func (e *Engine) flushBalances() {
	slices.SortFunc(e.touched, func(x, y touch) int {
		a, b := &e.balances[x.balance], &e.balances[y.balance]
		if a.account != b.account {
			return cmp.Compare(e.accounts[a.account].id, e.accounts[b.account].id)
		}
		return cmp.Compare(a.asset, b.asset)
	})
	for _, t := range e.touched {
		b := &e.balances[t.balance]
		if b.available == t.available && b.reserved == t.reserved {
			continue
		}
		id := e.accounts[b.account].id
		e.balanceSum.sub(hashBalance(id, b.asset, t.available, t.reserved))
		e.balanceSum.add(hashBalance(id, b.asset, b.available, b.reserved))
		e.emitBalance(id, e.assets[b.asset].name, b.available, b.reserved)
	}
	e.touched = e.touched[:0]
}

// hashBalance: an empty balance hashes to nothing, as if it did not exist.
func hashBalance(account uint64, as int32, available, reserved int64) sum {
	if available == 0 && reserved == 0 {
		return sum{}
	}
	return newHash(kindBalance).u64(account).u64(uint64(as)).i64(available).i64(reserved).sum()
}

func (d *deposit) hash() sum {
	return newHash(kindDeposit).str(d.id).u64(d.account).u64(uint64(d.asset)).i64(d.amount).sum()
}
