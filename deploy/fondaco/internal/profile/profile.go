// Package profile holds what a system may do in each of its profiles.
package profile

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"fondaco.dev/pkg/env"
)

// Profile is the kind of a system.
type Profile string

// The profiles. Production is the default, so that nothing below is on because
// somebody forgot to say so.
const (
	Dev        Profile = "dev"
	Staging    Profile = "staging"
	Production Profile = "production"
	Review     Profile = "review"
)

// Names lists the profiles.
func Names() []string {
	return []string{string(Dev), string(Staging), string(Production), string(Review)}
}

// Choose takes the flag, else FONDACO_PROFILE, else production; dev under demo.
func Choose(flag string, lookup env.Lookup, demo bool) (Profile, error) {
	name := flag
	if name == "" {
		name, _ = lookup("FONDACO_PROFILE")
	}
	if name == "" && demo {
		return Dev, nil
	}
	if name == "" {
		return Production, nil
	}
	if !slices.Contains(Names(), name) {
		return "", fmt.Errorf("profile %q is not one of %s", name, strings.Join(Names(), ", "))
	}
	return Profile(name), nil
}

// Settings is what is asked of a system, as far as profiles care.
type Settings struct {
	Demo bool
	// Values are the settings with a value, from .env and the environment.
	Values map[string]string
}

// Check refuses, in one error, each setting that the profile does not allow.
func Check(p Profile, s Settings) error {
	var refused []string
	refuse := func(what, why string) { refused = append(refused, what+": "+why) }
	on := func(name string) bool {
		v := strings.ToLower(s.Values[name])
		return v != "" && v != "0" && v != "false"
	}

	if on("FONDACO_ALLOW_MANUAL_DEPOSITS") && p != Dev {
		refuse("FONDACO_ALLOW_MANUAL_DEPOSITS", "deposits by hand make money from nothing; they are for the dev profile")
	}
	if p == Production {
		if s.Demo {
			refuse("--demo", "brings its own chains, accounts and bots; start without it, or with --profile dev")
		}
		if on("FONDACO_ALLOW_LAZY_SYNC") {
			refuse("FONDACO_ALLOW_LAZY_SYNC", "a server that acks before fsync loses acknowledged orders in a power cut")
		}
		for _, name := range sorted(s.Values) {
			value := s.Values[name]
			switch {
			case !strings.HasPrefix(name, "FONDACO_") || value == "":
			case seedName(name) && on(name):
				refuse(name, "seeded randomness can be predicted")
			case resetName(name) && on(name):
				refuse(name, "a reset deletes data")
			case wellKnownKey(value):
				refuse(name, "holds a private key that everybody knows")
			case defaultSecret(name, value):
				refuse(name, "holds a default password; set one of your own")
			}
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return errors.New("the " + string(p) + " profile refuses:\n  " + strings.Join(refused, "\n  "))
}

func sorted(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func seedName(name string) bool {
	return slices.Contains(strings.Split(name, "_"), "SEED") || strings.HasSuffix(name, "_SEEDS")
}

func resetName(name string) bool { return slices.Contains(strings.Split(name, "_"), "RESET") }

// wellKnownKeys are private keys that development tools print in their manuals:
// the first accounts of "test test … junk" (Hardhat, Anvil), Ganache's
// deterministic ones, and the numbers that devnets count up from.
var wellKnownKeys = []string{
	"ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
	"59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
	"5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
	"7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
	"47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
	"4f3edf983ac636a65a842ce7c78d9aa706d3b113bce9c46f30d7d21715b23b1d",
	"6cbed15c793ce57650b9877cf6fa156fbef513c4e6134f022a85b1ffdd59b2a1",
}

func wellKnownKey(value string) bool {
	v := strings.ToLower(value)
	for _, key := range wellKnownKeys {
		if strings.Contains(v, key) {
			return true
		}
	}
	hex := strings.TrimPrefix(v, "0x")
	return len(hex) == 64 && len(strings.TrimLeft(hex, "0")) <= 4 && strings.Trim(hex, "0123456789abcdef") == ""
}

// defaultPasswords come from manuals, images and this project's examples.
var defaultPasswords = []string{"postgres", "password", "changeme", "change-me", "secret", "admin", "root", "fondaco", "example", "test", "demo", "guest", "123456"}

func defaultSecret(name, value string) bool {
	var password string
	switch {
	case strings.HasSuffix(name, "_PASSWORD") || strings.HasSuffix(name, "_SECRET") || strings.HasSuffix(name, "_TOKEN"):
		password = value
	case strings.HasSuffix(name, "_URL") || strings.HasSuffix(name, "_URLS"):
		for part := range strings.SplitSeq(value, ",") {
			u, err := url.Parse(strings.TrimSpace(part))
			if err != nil || u.User == nil {
				continue
			}
			if p, ok := u.User.Password(); ok && isDefault(p) {
				return true
			}
		}
		return false
	default:
		return false
	}
	return isDefault(password)
}

func isDefault(password string) bool {
	return slices.Contains(defaultPasswords, strings.ToLower(password))
}
