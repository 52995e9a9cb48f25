// Package peer says which client a request came from: the one answer that the
// access log, the limits and the sockets share.
package peer

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// header is where proxies write from whom they took a request, each behind
// those before it. "Forwarded" of RFC 7239 is not read: a request that carries
// both would have two answers.
const header = "X-Forwarded-For"

// maxHops bounds how many proxies are walked through; who sends more entries
// than that is not believed beyond them.
const maxHops = 16

// Proxies are the addresses whose word about a client's address is taken. The
// zero value trusts nobody: a client is who holds the connection.
type Proxies []netip.Prefix

// Parse reads addresses and CIDR ranges, such as 10.0.0.0/8 or ::1.
func Parse(list []string) (Proxies, error) {
	var out Proxies
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if a, single := netip.ParseAddr(text); single == nil {
			p, err = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a range such as 10.0.0.0/8", text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// Address is the client's: the connection's other end or, when that is a
// trusted proxy, the last address of X-Forwarded-For that is not one. What
// stands to the left of it is what the client itself may have written, and is
// not looked at. An entry that is no address ends the walk at the proxy that
// passed it on. The zero Addr means that the connection has no address.
func (p Proxies) Address(r *http.Request) netip.Addr {
	at := parse(r.RemoteAddr)
	if len(p) == 0 || !p.trust(at) {
		return at
	}
	lines := r.Header.Values(header)
	for hops, i := 0, len(lines)-1; i >= 0; i-- { // several lines are one list
		rest, more := lines[i], true
		for more && hops < maxHops {
			var entry string
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, entry = rest[:comma], rest[comma+1:]
			} else {
				entry, more = rest, false
			}
			hop := parse(strings.TrimSpace(entry))
			if !hop.IsValid() {
				return at
			}
			if at = hop; !p.trust(at) {
				return at
			}
			hops++
		}
		if hops == maxHops {
			return at
		}
	}
	return at
}

func (p Proxies) trust(a netip.Addr) bool {
	for _, known := range p {
		if known.Contains(a) {
			return true
		}
	}
	return false
}

// parse reads 192.0.2.1, 192.0.2.1:80, 2001:db8::1 and [2001:db8::1]:80. A zone
// means something on its own machine only, and is left out.
func parse(text string) netip.Addr {
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap().WithZone("")
	}
	text = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// Network is what limits count an address as: itself, or the /64 of an IPv6
// address, of which one client has as many as it likes.
func Network(a netip.Addr) netip.Addr {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
