// Package limit holds clients to a number of requests and commands a second:
// who sends more is told when to go on, before anything is queued, so that
// nobody is served late.
//
// A limit is of a class (read, order, cancel, socket) and of an account, of one
// of its tokens, or, for who sent no token, of an address. All replicas share
// it through Redis, which keeps one number a key by the generic cell rate
// algorithm (see ledger). No request waits for Redis, but for bursts:
//
//	bucket  of this process, with the whole rate: who is beyond it is refused
//	        without Redis being asked
//	lease   what Redis granted ahead, up to a tenth of the burst; asked for in
//	        the background, worth a second, sized by use. A client may be a
//	        twentieth of the burst in debt, which the next lease pays; of a debt
//	        a 64th of the rate is forgiven, so that who stays below that costs
//	        Redis nothing. N replicas let through at most N/64 more than the rate
//	        in the long run, and N/20 of the burst more at once.
//	wait    of up to 250 ms for the answer to come, where both are used up
//
// When Redis does not answer, the bucket of each process is the limit for
// reads, sockets and cancels (a dead man's renewal counts as one). New orders
// are refused once it was gone for the grace: a venue that cannot tell how much
// an account sends takes no more risk for it, and lets it out. Without a shared
// Redis the bucket is the limit for all.
package limit

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"fondaco.dev/services/api/internal/peer"
)

// Class is what is counted together.
type Class uint8

// Classes. None is of what is not counted: probes and documents.
const (
	None Class = iota
	Read
	Order  // new orders and changes of orders, by command
	Cancel // what only takes away or keeps alive, by command
	Socket // sockets opened
	classes
)

var classNames = [classes]string{"none", "read", "order", "cancel", "socket"}

// String is the class's name in headers, metrics and keys.
func (c Class) String() string { return classNames[c] }

// Kind is whose limit it is.
type kind uint8

const (
	account kind = iota
	token
	address
	kinds
)

var kindNames = [kinds]string{"account", "token", "address"}

// Client is who a request comes from. Account 0 = it carried no valid token,
// and counts for its address.
type Client struct {
	Account uint64
	Token   uint64 // tells the account's tokens apart; 0 = not known
	Address netip.Addr
}

// Key names one limit of one client.
type Key struct {
	class Class
	kind  kind
	id    uint64
	addr  netip.Addr
}

// String is the key as the operator's commands and Redis know it:
// order:account:7, read:address:192.0.2.1, read:token:00112233aabbccdd.
func (k Key) String() string {
	name := classNames[k.class] + ":" + kindNames[k.kind] + ":"
	switch k.kind {
	case account:
		return name + strconv.FormatUint(k.id, 10)
	case token:
		return name + hex.EncodeToString(binary.BigEndian.AppendUint64(nil, k.id))
	}
	return name + k.addr.String()
}

// ParseKey reads what String wrote.
func ParseKey(text string) (Key, error) {
	bad := fmt.Errorf("%q is no key; they look like order:account:7, read:address:192.0.2.1 or read:token:00112233aabbccdd", text)
	parts := strings.SplitN(text, ":", 3)
	if len(parts) != 3 {
		return Key{}, bad
	}
	var k Key
	for i, name := range classNames[1:] {
		if parts[0] == name {
			k.class = Class(i + 1)
		}
	}
	var err error
	switch parts[1] {
	case kindNames[account]:
		k.kind = account
		k.id, err = strconv.ParseUint(parts[2], 10, 64)
	case kindNames[token]:
		k.kind = token
		k.id, err = strconv.ParseUint(parts[2], 16, 64)
	case kindNames[address]:
		k.kind = address
		k.addr, err = netip.ParseAddr(parts[2])
	default:
		err = bad
	}
	if err != nil || k.class == None || k.String() != text {
		return Key{}, bad
	}
	return k, nil
}

// Rules are the rates; a zero Rate is no limit.
type Rules struct {
	Read, Order, Cancel, Socket                     Rate // of an account
	TokenRead, TokenOrder, TokenCancel, TokenSocket Rate // of one of its tokens
	AddressRead, AddressSocket                      Rate // of an address, of what carries no token
}

// of is the table by class and kind.
func (r Rules) of() (t [classes][kinds]Rate) {
	t[Read] = [kinds]Rate{r.Read, r.TokenRead, r.AddressRead}
	t[Order] = [kinds]Rate{r.Order, r.TokenOrder, {}}
	t[Cancel] = [kinds]Rate{r.Cancel, r.TokenCancel, {}}
	t[Socket] = [kinds]Rate{r.Socket, r.TokenSocket, r.AddressSocket}
	return t
}

// keys of a request that have a rate, the account's first.
func (l *Limiter) keys(class Class, who Client, out []Key) []Key {
	rates := &l.rates[class]
	if who.Account == 0 {
		if rates[address].PerSecond > 0 {
			out = append(out, Key{class: class, kind: address, addr: peer.Network(who.Address)})
		}
		return out
	}
	if rates[account].PerSecond > 0 {
		out = append(out, Key{class: class, kind: account, id: who.Account})
	}
	if rates[token].PerSecond > 0 && who.Token != 0 {
		out = append(out, Key{class: class, kind: token, id: who.Token})
	}
	return out
}
