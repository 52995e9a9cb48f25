package filter_test

import (
	"strings"
	"testing"

	"fondaco.dev/services/api/internal/filter"
)

// The pair is of a recorded transfer: its initiator and the account it came from.
func TestAccountHash(t *testing.T) {
	t.Parallel()
	const key, hash = "0184f6d260f4ee6869ddb36affe15456de6ae045278fa2f467bb677561ce0dad55", "56befc13a6fd62e18f361700a5e08f966901c34df8041b36ec97d54d605c23de"
	if got, of, ok := filter.AccountHash(strings.ToUpper(key)); !ok || of != key || got != hash {
		t.Errorf("%s %s %v", got, of, ok)
	}
	for _, text := range []string{hash, "account-hash-" + hash, strings.ToUpper(hash)} {
		if got, of, ok := filter.AccountHash(text); !ok || got != hash || of != "" {
			t.Errorf("%s: %s %q %v", text, got, of, ok)
		}
	}
	for _, text := range []string{"", "zz", "00", key[:64] + "zz", "03" + key[2:], "02" + key[2:], "account-hash-" + key, hash[:62]} {
		if _, _, ok := filter.AccountHash(text); ok {
			t.Errorf("%q is taken for an account", text)
		}
	}
}
