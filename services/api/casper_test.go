package api_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/services/api/internal/apitest"
)

type envelope struct {
	Data      []map[string]any
	PageCount int
	ItemCount int
	Pages     []struct {
		Number int
		URL    string
	}
}

// casperApp is a running api whose Casper network has 45 blocks with gaps in
// their heights.
func casperApp(t *testing.T) (*app, *apitest.Casper) {
	t.Helper()
	a := newApp(t)
	c := apitest.NewCasper(t, a.db, "casper-test")
	c.Redis = a.rdb
	for i := range 45 {
		c.Block(t, uint64(i)*97+1, apitest.Hash(fmt.Sprint("deploy", i)))
	}
	a.start()
	a.eventually("indexed", func() bool { code, _ := a.get("/blocks"); return code == 200 })
	return a, c
}

func TestCasperEnvelope(t *testing.T) {
	t.Parallel()
	a, _ := casperApp(t)
	for _, c := range []struct {
		path               string
		rows, first, pages int
		urls               string
	}{
		{"/blocks", 10, 45, 5, "1:/blocks?page=1&limit=10 2:/blocks?page=2&limit=10 3:/blocks?page=3&limit=10"},
		{"/blocks?page=3", 10, 25, 5, "2:/blocks?page=2&limit=10 3:/blocks?page=3&limit=10 4:/blocks?page=4&limit=10"},
		{"/blocks?limit=20", 20, 45, 3, "1:/blocks?limit=20&page=1 2:/blocks?limit=20&page=2 3:/blocks?limit=20&page=3"},
		{"/blocks?limit=50&page=3", 5, 5, 3, "1:/blocks?limit=20&page=1 2:/blocks?limit=20&page=2 3:/blocks?limit=20&page=3"},
		{"/blocks?x=a%20b&page=5", 5, 5, 5, "3:/blocks?x=a%20b&page=3&limit=10 4:/blocks?x=a%20b&page=4&limit=10 5:/blocks?x=a%20b&page=5&limit=10"},
		{"/blocks?page=0", 10, 45, 5, "1:/blocks?page=1&limit=10 2:/blocks?page=2&limit=10 3:/blocks?page=3&limit=10"},
		{"/blocks?page=-3&limit=20", 20, 45, 3, "1:/blocks?page=1&limit=20 2:/blocks?page=2&limit=20 3:/blocks?page=3&limit=20"},
		{"/blocks?page=abc", 10, 45, 5, "1:/blocks?page=1&limit=10 2:/blocks?page=2&limit=10 3:/blocks?page=3&limit=10"},
		{"/blocks?page=9", 0, 0, 5, "3:/blocks?page=3&limit=10 4:/blocks?page=4&limit=10 5:/blocks?page=5&limit=10"},
		{"/blocks?page=99999999999999999999999", 0, 0, 5, "3:/blocks?page=3&limit=10 4:/blocks?page=4&limit=10 5:/blocks?page=5&limit=10"},
		{"/blocks?limit=abc", 0, 0, 0, ""},
		{"/blocks?limit=-1", 0, 0, 0, ""},
		{"/blocks?limit=0", 0, 0, 0, ""},
		{"/blocks?limit=7&page=7", 3, 3, 7, "5:/blocks?limit=7&page=5 6:/blocks?limit=7&page=6 7:/blocks?limit=7&page=7"},
		{"/casper/casper-test/blocks?limit=20", 20, 45, 3, "1:/casper/casper-test/blocks?limit=20&page=1 2:/casper/casper-test/blocks?limit=20&page=2 3:/casper/casper-test/blocks?limit=20&page=3"},
	} {
		var e envelope
		a.getJSON(c.path, &e)
		var urls []string
		for _, p := range e.Pages {
			urls = append(urls, fmt.Sprintf("%d:%s", p.Number, p.URL))
		}
		first := 0
		if len(e.Data) > 0 {
			first = int(e.Data[0]["height"].(float64)-1)/97 + 1
		}
		if len(e.Data) != c.rows || e.ItemCount != 45 || e.PageCount != c.pages || first != c.first || strings.Join(urls, " ") != c.urls {
			t.Errorf("%s: %d rows from %d, %d items, %d pages, %v", c.path, len(e.Data), first, e.ItemCount, e.PageCount, urls)
		}
	}
}

func TestCasperModels(t *testing.T) {
	t.Parallel()
	a, c := casperApp(t)
	key := "01" + strings.Repeat("ab", 32)
	c.Deploy(t, &feedv1.CasperDeploy{DeployHash: apitest.Hash("d1"), Account: key, State: "processed", Cost: "9007199254740991", BlockHash: apitest.Hash("block1"), Transfers: []string{"transfer-aa"}}, 1000)
	c.Deploy(t, &feedv1.CasperDeploy{DeployHash: apitest.Hash("d2"), Account: key, State: "processed", Cost: "9007199254740992", ErrorMessage: "User error: 1", BlockHash: apitest.Hash("block1")}, 86400000*3)
	c.Deploy(t, &feedv1.CasperDeploy{DeployHash: apitest.Hash("d3"), Account: key, State: "accepted", Version: "Version1"}, 86400000*3+5)
	var b map[string]any
	a.getJSON("/block/"+strings.ToUpper(apitest.Hash("block98")), &b)
	want := map[string]any{"blockHash": apitest.Hash("block98"), "parentHash": apitest.Hash("block97"), "timestamp": "2022-05-16T09:31:00.000Z", "eraId": float64(18446744073709551615),
		"proposer": "01aa", "state": "added", "height": 98.0, "deploys": []any{apitest.Hash("deploy1")}, "deployCount": 1.0, "stateRootHash": apitest.Hash("root")}
	if !reflect.DeepEqual(b, want) {
		t.Errorf("%v\nwant %v", b, want)
	}
	if _, body := a.get("/block/" + apitest.Hash("block98")); !strings.Contains(body, `"eraId":18446744073709551615`) {
		t.Errorf("%s", body)
	}
	for hash, part := range map[string]string{
		"d1": `"cost":9007199254740991,"costMotes":"9007199254740991","errorMessage":null`,
		"d2": `"cost":"9007199254740992","costMotes":"9007199254740992","errorMessage":"User error: 1"`,
		"d3": `"state":"accepted","cost":null,"costMotes":null,"errorMessage":null,"blockHash":null`,
	} {
		if code, body := a.get("/deploy/" + apitest.Hash(hash)); code != 200 || !strings.Contains(body, part) {
			t.Errorf("%s: %d %s", hash, code, body)
		}
	}
	var e envelope
	a.getJSON("/accountDeploys/"+strings.ToUpper(key)+"?limit=2", &e)
	if len(e.Data) != 2 || e.ItemCount != 3 || e.PageCount != 2 || e.Data[0]["deployHash"] != apitest.Hash("d3") || e.Data[1]["deployHash"] != apitest.Hash("d2") {
		t.Errorf("%+v", e)
	}
	a.getJSON("/accountDeploys/"+key+"?limit=2&page=2", &e)
	if len(e.Data) != 1 || e.Data[0]["deployHash"] != apitest.Hash("d1") {
		t.Errorf("%+v", e)
	}
	a.getJSON("/accountDeploys/01ff", &e)
	if len(e.Data) != 0 || e.PageCount != 0 || len(e.Pages) != 0 || e.ItemCount != 0 {
		t.Errorf("%+v", e)
	}
	a.db.Exec(t, `insert into ix_b1.casper_transfers values ('casper-test',$1,0,'transfer-aa','aa11',null,'uref-1','uref-2',18446744073709551616,0,7,'b','2022-05-16T09:31:00.000Z',1000,1)`, apitest.Hash("d1"))
	var list []map[string]any
	a.getJSON("/transfers/account-hash-AA11", &list)
	if len(list) != 1 || list[0]["amount"] != "18446744073709551616" || list[0]["fromAccount"] != "aa11" || list[0]["toAccount"] != nil {
		t.Errorf("%v", list)
	}
	for path, want := range map[string]string{"/block/aa": "404 Block not found.", "/deploy/zz": "404 Deploy not found.", "/transfers/00": "404 Transfers not found.", "/nope": "400 Bad Request",
		"/block": "400 Bad Request", "/casperx": "400 Bad Request", "/blocks/1": "400 Bad Request"} {
		code, body, h := a.do("GET", path, "", "Origin", "http://elsewhere")
		if got := fmt.Sprint(code, " ", body); got != want || !strings.HasPrefix(h.Get("Content-Type"), "text/plain") || h.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %q %v", path, got, h)
		}
	}
	if code, body := a.get("/casper/nope/blocks"); code != 404 || !strings.Contains(body, "not_found") {
		t.Errorf("%d %s", code, body)
	}
	if code, _, h := a.do("OPTIONS", "/blocks", "", "Origin", "http://x", "Access-Control-Request-Method", "GET"); code != 204 || h.Get("Access-Control-Allow-Methods") == "" {
		t.Errorf("preflight: %d %v", code, h)
	}
}

// TestCasperPagesAreExact walks every page over many buckets and gaps and
// compares with what is there.
func TestCasperPagesAreExact(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	c := apitest.NewCasper(t, a.db, "casper-test")
	var heights []int
	for i, h := 0, 5; i < 120; i++ {
		h += 1 + (i*i*37)%611
		heights = append(heights, h)
		c.Block(t, uint64(h))
	}
	slices.Reverse(heights)
	a.start()
	a.eventually("indexed", func() bool { code, _ := a.get("/blocks"); return code == 200 })
	for _, limit := range []int{1, 7, 20} {
		var got []int
		for page := 1; ; page++ {
			var e envelope
			a.getJSON(fmt.Sprintf("/blocks?page=%d&limit=%d", page, limit), &e)
			if len(e.Data) == 0 {
				break
			}
			for _, b := range e.Data {
				got = append(got, int(b["height"].(float64)))
			}
		}
		if !slices.Equal(got, heights) {
			t.Errorf("limit %d: %v, want %v", limit, got, heights)
		}
	}
}

func TestCasperSockets(t *testing.T) {
	t.Parallel()
	a, c := casperApp(t)
	key := "01" + strings.Repeat("cd", 32)
	blocks, block := a.dial("/blocks"), a.dial("/block/"+strings.ToUpper(apitest.Hash("block6000")))
	deploy, account := a.dial("/deploy/"+apitest.Hash("x2")), a.dial("/casper/casper-test/accountDeploys/"+strings.ToUpper(key))
	native := a.dial("/v1/ws")
	native.send(`{"op":"subscribe","id":1,"channel":"deploys","network":"casper-test","filter":{"account":"` + strings.ToUpper(key) + `"},"since":0}`)
	native.want("subscribed")
	a.eventually("subscribed", func() bool { return strings.Count(a.log.String(), "subscription is level") >= 5 })
	c.Block(t, 5000)
	c.Block(t, 6000, "aa", "bb")
	c.Deploy(t, &feedv1.CasperDeploy{DeployHash: apitest.Hash("x1"), Account: key, State: "accepted"}, 5)
	c.Deploy(t, &feedv1.CasperDeploy{DeployHash: apitest.Hash("x2"), Account: "02ff", State: "accepted"}, 6)
	c.Deploy(t, &feedv1.CasperDeploy{DeployHash: apitest.Hash("x1"), Account: key, State: "processed", Cost: "5", BlockHash: apitest.Hash("block6000")}, 5)
	model := func(s *sock) map[string]any {
		data, err := s.raw()
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	if m := model(blocks); m["height"] != 5000.0 || m["op"] != nil {
		t.Errorf("%v", m)
	}
	m := model(blocks)
	var rest map[string]any
	a.getJSON("/block/"+apitest.Hash("block6000"), &rest)
	if !reflect.DeepEqual(m, rest) {
		t.Errorf("socket %v, REST %v", m, rest)
	}
	if got := model(block); !reflect.DeepEqual(got, m) {
		t.Errorf("%v", got)
	}
	if m := model(deploy); m["deployHash"] != apitest.Hash("x2") {
		t.Errorf("%v", m)
	}
	for _, state := range []string{"accepted", "processed"} {
		if m := model(account); m["state"] != state || m["deployHash"] != apitest.Hash("x1") {
			t.Errorf("%v", m)
		}
		if f := native.want("event"); !strings.Contains(string(f.Data), state) {
			t.Errorf("%v", f)
		}
	}
}

func TestCasperAccountsMessagesAndSignatures(t *testing.T) {
	t.Parallel()
	a, _ := casperApp(t)
	const key, hash = "0184f6d260f4ee6869ddb36affe15456de6ae045278fa2f467bb677561ce0dad55", "56befc13a6fd62e18f361700a5e08f966901c34df8041b36ec97d54d605c23de"
	unnamed, entity, topicHash := apitest.Hash("receiver"), apitest.Hash("entity"), apitest.Hash("topic")
	a.db.Exec(t, `insert into ix_b1.casper_accounts (network, account_hash, public_key, first_ms, first_height, deploys, transfers_in, transfers_out)
		values ('casper-test',$1,$2,1652693460000,98,9007199254740993,1,2)`, hash, key)
	a.db.Exec(t, `insert into ix_b1.casper_accounts (network, account_hash, first_ms, transfers_in) values ('casper-test',$1,1652693460000,1)`, unnamed)
	a.db.Exec(t, `insert into ix_b1.casper_signatures (network, block_hash, n) values ('casper-test',$1,77)`, apitest.Hash("block98"))
	for i, m := range []struct{ entity, topic string }{{entity, "sold"}, {entity, "sold"}, {entity, "bought"}, {apitest.Hash("other"), "sold"}, {entity, "sold"}} {
		a.db.Exec(t, `insert into ix_b1.casper_messages (network, deploy_hash, idx, entity, entity_name, topic, topic_hash, topic_index, block_index, text, bytes, block_hash, timestamp, timestamp_ms)
			values ('casper-test',$1,$2::int,$3,'entity-contract-'||$3,$4,$5,0,18446744073709551615,null,'\xbeef',$6,'2022-05-16T09:31:00.000Z',$7::int/2)`,
			apitest.Hash("d"), i, m.entity, m.topic, topicHash, apitest.Hash("block98"), i)
	}
	const base = "/v1/networks/casper-test"
	want := map[string]any{"network": "casper-test", "account_hash": hash, "public_key": key, "first_seen": "2022-05-16T09:31:00.000Z", "first_block": 98.0,
		"deploys": 9007199254740993.0, "transfers_in": 1.0, "transfers_out": 2.0}
	for _, name := range []string{key, strings.ToUpper(key), hash, "account-hash-" + hash} {
		var got map[string]any
		a.getJSON(base+"/accounts/"+name, &got)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v", name, got)
		}
	}
	var got map[string]any
	if a.getJSON(base+"/accounts/"+unnamed, &got); got["public_key"] != nil || got["first_block"] != nil {
		t.Errorf("an account known by its hash only: %v", got)
	}
	var b map[string]any
	if a.getJSON(base+"/blocks/98", &b); b["signatures"] != 77.0 || b["blockHash"] != apitest.Hash("block98") {
		t.Errorf("%v", b)
	}
	if a.getJSON(base+"/blocks/"+apitest.Hash("block98"), &b); b["signatures"] != 77.0 {
		t.Errorf("%v", b)
	}
	var blocks struct{ Data []map[string]any }
	if a.getJSON(base+"/blocks?to_block=98&limit=2", &blocks); len(blocks.Data) != 2 || blocks.Data[0]["signatures"] != 77.0 || blocks.Data[1]["signatures"] != 0.0 {
		t.Errorf("%v", blocks.Data)
	}
	// Pages of one message each, newest first; times are equal in pairs.
	var seen []float64
	for path := base + "/messages?entity=entity-contract-" + strings.ToUpper(entity) + "&topic=sold&limit=1"; path != ""; {
		var page struct {
			Data []map[string]any
			Next *string
			More bool
		}
		a.getJSON(path, &page)
		for _, m := range page.Data {
			seen = append(seen, m["index"].(float64))
			if m["bytes"] != "beef" || m["text"] != nil || m["block_index"] != "18446744073709551615" || m["entity"] != entity {
				t.Errorf("%v", m)
			}
		}
		if page.More != (page.Next != nil) {
			t.Errorf("more %v, next %v", page.More, page.Next)
		}
		path = ""
		if page.Next != nil {
			path = base + "/messages?entity=" + entity + "&topic=sold&limit=1&cursor=" + *page.Next
		}
	}
	if !slices.Equal(seen, []float64{4, 1, 0}) {
		t.Errorf("messages %v", seen)
	}
	var page struct{ Data []map[string]any }
	if a.getJSON(base+"/messages?topic=sold", &page); len(page.Data) != 4 {
		t.Errorf("%v", page.Data)
	}
	for path, part := range map[string]string{
		"/accounts/zz": "bad_parameter", "/accounts/" + apitest.Hash("nobody"): "not_found", "/messages": "bad_parameter", "/messages?entity=xyz": "bad_parameter",
		"/messages?topic=a&cursor=zz": "cursor", "/messages?topic=a&colour=red": "unknown_parameter",
	} {
		if code, body := a.get(base + path); code < 400 || code > 404 || !strings.Contains(body, part) {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
}
