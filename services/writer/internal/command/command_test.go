package command_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/pkg/pgtest"
	"fondaco.dev/services/writer/internal/command"
)

func TestCommands(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	lookup := func(name string) (string, bool) { return url.Reveal(), name == "FONDACO_PG_URL" }
	run := func(args ...string) (int, string) {
		var out, errs bytes.Buffer
		code := command.Run(args, lookup, &out, &errs)
		return code, out.String() + errs.String()
	}
	expect := func(code int, text string, args ...string) {
		t.Helper()
		if gotCode, got := run(args...); gotCode != code || !strings.Contains(got, text) {
			t.Errorf("%v: %d %q, want %d %q", args, gotCode, got, code, text)
		}
	}
	expect(2, "usage:", "fly")
	expect(2, "usage:", "migrate")
	expect(2, "usage:", "reset", "--build", "b")
	expect(0, "pending", "migrate", "status")
	expect(0, "applied 00001", "migrate", "up")
	expect(0, "nothing to do", "migrate", "up")
	expect(0, "applied 20", "migrate", "status")
	expect(1, "there is no partition", "reset", "--build", "b", "--partition", "p")
	expect(1, "promoting build b", "promote", "--build", "b")

	conn, err := pgx.Connect(context.Background(), url.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(context.Background(), `insert into ctl.builds (build, projection, status) values ('b', 1, 'filling')`); err != nil {
		t.Fatal(err)
	}
	expect(0, "build b is live", "promote", "--build", "b")
}
