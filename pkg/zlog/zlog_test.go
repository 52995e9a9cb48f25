package zlog_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"go.uber.org/zap"

	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/zlog"
)

func TestFormats(t *testing.T) {
	t.Parallel()
	line := func(format string) string {
		var buf bytes.Buffer
		log, err := zlog.New(zlog.Config{Level: "INFO", Format: format}, "writer", &buf)
		if err != nil {
			t.Fatal(err)
		}
		log.Debug("hidden")
		log.With(zlog.Session("s1")).Info("batch written", zlog.Request("r2"), zap.Int("rows", 3))
		return buf.String()
	}
	if got := line("brief"); got != "batch written\n" {
		t.Errorf("brief = %q", got)
	}
	var obj map[string]any
	if err := json.Unmarshal([]byte(line("json")), &obj); err != nil {
		t.Fatal(err)
	}
	if obj["service"] != "writer" || obj["request"] != "r2" || obj["session"] != "s1" || obj["rows"] != 3.0 {
		t.Errorf("json = %v", obj)
	}
	if got := line(""); !strings.Contains(got, "[s1/r2] batch written") || !strings.Contains(got, `{"rows": 3}`) || strings.Contains(got, "hidden") {
		t.Errorf("readable = %q", got)
	}
}

func TestLevelChangesLive(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	log, err := zlog.New(zlog.Config{Level: "off"}, "x", &buf)
	if err != nil {
		t.Fatal(err)
	}
	log.Error("one")
	if err := log.Level.Set("Trace"); err != nil {
		t.Fatal(err)
	}
	log.Log(zlog.TraceLevel, "two")
	if got := buf.String(); strings.Contains(got, "one") || !strings.Contains(got, "two") {
		t.Errorf("logged %q", got)
	}
	if err := log.Level.Set("loud"); err == nil || !strings.Contains(err.Error(), "trace") {
		t.Errorf("an unknown level must list the known ones: %v", err)
	}
}

func TestBadLevelFailsStartUp(t *testing.T) {
	t.Parallel()
	r := env.New(func(n string) (string, bool) { return "loud", n == "LOG_LEVEL" })
	zlog.ConfigFromEnv(r)
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "LOG_LEVEL") {
		t.Errorf("got %v", err)
	}
}
