package profile

import (
	"strings"
	"testing"
)

func TestProductionRefusesEachByName(t *testing.T) {
	t.Parallel()
	err := Check(Production, Settings{Demo: true, Values: map[string]string{
		"FONDACO_ALLOW_MANUAL_DEPOSITS": "true",
		"FONDACO_ALLOW_LAZY_SYNC":       "1",
		"FONDACO_DEMO_SEED":             "7",
		"FONDACO_DEMO_RESET":            "true",
		"FONDACO_SIGNER_KEY":            "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
		"FONDACO_NATS_PASSWORD":         "changeme",
		"FONDACO_REDIS_URL":             "redis://:password@10.0.0.1:6379",
		"FONDACO_PG_MAX_CONNS":          "20",
		"HOME":                          "secret",
	}})
	if err == nil {
		t.Fatal("nothing was refused")
	}
	for _, name := range []string{"--demo", "FONDACO_ALLOW_MANUAL_DEPOSITS", "FONDACO_ALLOW_LAZY_SYNC", "FONDACO_DEMO_SEED", "FONDACO_DEMO_RESET",
		"FONDACO_SIGNER_KEY", "FONDACO_NATS_PASSWORD", "FONDACO_REDIS_URL"} {
		if !strings.Contains(err.Error(), name+": ") {
			t.Errorf("the error does not name %s:\n%v", name, err)
		}
	}
	for _, leak := range []string{"ac0974", "changeme", "10.0.0.1", "PG_MAX_CONNS", "HOME"} {
		if strings.Contains(err.Error(), leak) {
			t.Errorf("the error tells %s:\n%v", leak, err)
		}
	}
}

func TestProfilesAllow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		profile Profile
		s       Settings
		ok      bool
	}{
		{Production, Settings{Values: map[string]string{"FONDACO_ALLOW_LAZY_SYNC": "false", "FONDACO_DEMO_SEED": "0"}}, true},
		{Production, Settings{Values: map[string]string{"FONDACO_KEY": "0x" + strings.Repeat("0", 63) + "1"}}, false},
		{Dev, Settings{Demo: true, Values: map[string]string{"FONDACO_ALLOW_MANUAL_DEPOSITS": "true"}}, true},
		{Staging, Settings{Values: map[string]string{"FONDACO_ALLOW_MANUAL_DEPOSITS": "true"}}, false},
		{Review, Settings{Demo: true}, true},
	} {
		if err := Check(c.profile, c.s); (err == nil) != c.ok {
			t.Errorf("Check(%s, %v) = %v", c.profile, c.s, err)
		}
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	with := func(v string) func(string) (string, bool) {
		return func(string) (string, bool) { return v, v != "" }
	}
	for _, c := range []struct {
		flag, env string
		demo      bool
		want      Profile
	}{{"", "", false, Production}, {"", "", true, Dev}, {"", "staging", true, Staging}, {"review", "staging", false, Review}} {
		if got, err := Choose(c.flag, with(c.env), c.demo); err != nil || got != c.want {
			t.Errorf("Choose(%q, %q, %v) = %q, %v", c.flag, c.env, c.demo, got, err)
		}
	}
	if _, err := Choose("prod", with(""), false); err == nil || !strings.Contains(err.Error(), "production") {
		t.Errorf("a wrong profile must be answered with the list: %v", err)
	}
}
