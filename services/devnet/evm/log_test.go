package evm

import (
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/log"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// go-ethereum has one logger per process: this test runs alone.
func TestGoEthereumLogsAtDebugOnly(t *testing.T) {
	core, seen := observer.New(zap.DebugLevel)
	restore := RouteLogs(zap.New(core))
	defer restore()
	n := start(t, Config{})
	commit(t, n, 1)
	log.Error("Something broke", "block", 7)
	if seen.Len() == 0 {
		t.Fatal("nothing was logged")
	}
	for _, entry := range seen.All() {
		if entry.Level != zap.DebugLevel {
			t.Errorf("%s at %s", entry.Message, entry.Level)
		}
	}
	last := seen.FilterField(zap.String("geth", "Something broke")).All()
	if len(last) != 1 || last[0].ContextMap()["block"] != "7" {
		t.Errorf("the error came as %+v", last)
	}
	restore()
	before := seen.Len()
	log.Error("Unheard")
	for _, entry := range seen.All()[before:] {
		if strings.Contains(entry.ContextMap()["geth"].(string), "Unheard") {
			t.Error("the log still goes to zap")
		}
	}
}
