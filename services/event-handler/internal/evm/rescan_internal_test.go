package evm

import (
	"fmt"
	"testing"

	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

func TestOrigins(t *testing.T) {
	t.Parallel()
	a, b := NewRPCNode(&jsonrpc.Client{}), NewRPCNode(&jsonrpc.Client{})
	name := map[Node]string{nil: "-", a: "a", b: "b"}
	var o origins
	is := func(want string) {
		t.Helper()
		got := ""
		for n := uint64(0); n < 12; n++ {
			node, _ := o.of(n)
			got += name[node]
		}
		if got != want {
			t.Errorf("%s, want %s (%v)", got, want, o)
		}
	}
	is("------------")
	o.note(2, 4, a)
	o.note(5, 6, a)
	o.note(7, 9, b)
	is("--aaaaabbb--")
	if _, until := o.of(0); until != 1 {
		t.Errorf("unknown up to %d", until)
	}
	if _, until := o.of(3); until != 6 {
		t.Errorf("a's up to %d", until)
	}
	o.revert(6)
	is("--aaaa------")
	o.note(6, 8, b)
	o.note(9, 9, a)
	is("--aaaabbba--")
	o.note(4, 5, b) // a step that began lower than the last one: what lay above was reverted
	is("--aabb------")
	o.forget(4)
	is("----bb------")
	for n := range uint64(2 * maxOrigins) {
		o.note(10+n, 10+n, []Node{a, b}[n%2])
	}
	if len(o) != maxOrigins {
		t.Error(fmt.Sprint(len(o), " are remembered"))
	}
}
