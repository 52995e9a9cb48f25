package chainv1_test

import (
	"testing"

	chainv1 "fondaco.dev/proto/chain/v1"
)

func TestSubject(t *testing.T) {
	t.Parallel()
	s := chainv1.Subject("casper-test", "00ff")
	if n, f, err := chainv1.ParseSubject(s); err != nil || n != "casper-test" || f != "00ff" {
		t.Errorf("%s came back as %s, %s, %v", s, n, f, err)
	}
	for _, bad := range []string{"", "chain.v1.", "chain.v1.dev", "chain.v1.De.v", "chain.v1.a.b.c", "orders.v1.a.b"} {
		if _, _, err := chainv1.ParseSubject(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
