package api_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"fondaco.dev/services/api/internal/apitest"
)

// TestNetworksSayWhatIsProved: from where nothing is missing, what was read
// twice, and by what an absent event is excluded; a unit that could not be
// applied takes the promise back for its block and all below.
func TestNetworksSayWhatIsProved(t *testing.T) {
	t.Parallel()
	a, _ := chainApp(t, 30, 1)
	proof := func() string {
		var n struct {
			Complete  *uint64 `json:"complete_from"`
			Checked   *uint64 `json:"checked_to"`
			Assurance string  `json:"assurance"`
			Holes     uint64  `json:"holes"`
			Problem   string  `json:"problem"`
		}
		_, body := a.get("/v1/networks/dev")
		if err := json.Unmarshal([]byte(body), &n); err != nil {
			t.Fatal(err)
		}
		text := func(p *uint64) string {
			if p == nil {
				return "-"
			}
			return fmt.Sprint(*p)
		}
		return fmt.Sprintf("from %s, checked %s, %s, %d holes, problem %t", text(n.Complete), text(n.Checked), n.Assurance, n.Holes, n.Problem != "")
	}
	expect := func(want string) {
		t.Helper()
		a.eventually(want, func() bool { return proof() == want })
	}
	expect("from 1, checked -, headers, 0 holes, problem false")
	a.db.Exec(t, `insert into ix_`+apitest.Build+`.checks values ('dev', 1, 10, 10, '\x00'), ('dev', 11, 20, 10, '\x00')`)
	expect("from 1, checked 20, headers, 0 holes, problem false")

	letter := `insert into ctl.dead_letters (build, partition, seq, unit, block_number, reason, body, status) select $1, partition, $2, 0, $3, 'x', '', $4 from ix_` + apitest.Build + `.networks where network = 'dev'`
	a.db.Exec(t, letter, apitest.Build, 5, 7, "dead")
	a.db.Exec(t, letter, apitest.Build, 6, 9, "done")
	expect("from 8, checked 20, headers, 1 holes, problem true")
	a.db.Exec(t, letter, apitest.Build, 7, nil, "dead") // nobody knows where
	expect("from -, checked 20, headers, 2 holes, problem true")
	a.db.Exec(t, `update ctl.dead_letters set orphaned = true where seq = 7`)
	a.db.Exec(t, `update ctl.dead_letters set status = 'done' where seq = 5`)
	expect("from 1, checked 20, headers, 0 holes, problem false")
}

// TestFinalityGoesDown: a revert below the finalized height takes it down, and
// what REST and frames say of blocks above follows.
func TestFinalityGoesDown(t *testing.T) {
	t.Parallel()
	a, c := chainApp(t, 20, 1)
	set := func(n int) {
		a.db.Exec(t, `update ctl.cursors set finalized = $1 where partition = $2`, n, c.Partition)
	}
	final := func() bool {
		var b struct {
			Finalized bool `json:"finalized"`
		}
		_, body := a.get("/v1/networks/dev/blocks/10")
		if err := json.Unmarshal([]byte(body), &b); err != nil {
			t.Fatal(err)
		}
		return b.Finalized
	}
	set(15)
	a.eventually("block 10 is final", final)
	set(5)
	a.eventually("block 10 is not final any more", func() bool { return !final() })
}
