package casper

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
)

// rpcAnswer posts a request and decodes the whole answer.
func rpcAnswer(t *testing.T, n *Node, method string, params any) map[string]any {
	t.Helper()
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": "7", "method": method, "params": params})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.RPCURL(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if answer["id"] != "7" || answer["jsonrpc"] != "2.0" {
		t.Errorf("answer to %s: %v", method, answer)
	}
	return answer
}

func rpcCall(t *testing.T, n *Node, method string, params any) map[string]any {
	t.Helper()
	answer := rpcAnswer(t, n, method, params)
	result, ok := answer["result"].(map[string]any)
	if !ok {
		t.Fatalf("%s answered %v", method, answer)
	}
	return result
}

func by(key string, value any) map[string]any {
	return map[string]any{"block_identifier": map[string]any{key: value}}
}

// sameShape compares an answer with a recorded one. Paths below cut are lists
// that may be empty in one of the two.
func sameShape(t *testing.T, got, want any) {
	t.Helper()
	g, w := map[string]bool{}, map[string]bool{}
	skeleton(got, "", g)
	skeleton(want, "", w)
	for path := range w {
		if !g[path] {
			t.Errorf("%s is in the recording, not in the answer", path)
		}
	}
	for path := range g {
		if !w[path] {
			t.Errorf("%s is in the answer, not in the recording", path)
		}
	}
}

func TestRPCOf1x(t *testing.T) {
	t.Parallel()
	n := start(t, Config{})
	var hash string
	for range 20 { // until a transfer has a target account and an id
		hash = makeBlock(t, n, 2, 6)
	}
	byHash, byHeight, latest := rpcCall(t, n, "chain_get_block", by("Hash", hash)),
		rpcCall(t, n, "chain_get_block", by("Height", 20)), rpcCall(t, n, "chain_get_block", nil)
	for _, got := range []map[string]any{byHeight, latest, rpcCall(t, n, "chain_get_block", []any{map[string]any{"Hash": hash}})} {
		if string(encode(got)) != string(encode(byHash)) {
			t.Error("the same block was given in two ways")
		}
	}
	recordedBlock := decode(t, recorded(t, "rpc", "block-java", "chain_get_block.json")).(map[string]any)["result"]
	sameShape(t, byHash, recordedBlock)

	body := byHash["block"].(map[string]any)["body"].(map[string]any)
	if len(byHash["block"].(map[string]any)["proofs"].([]any)) != 5 {
		t.Error("the block has not its five signatures")
	}
	transfers := rpcCall(t, n, "chain_get_block_transfers", by("Hash", hash))
	if len(transfers["transfers"].([]any)) != 6 {
		t.Errorf("%d transfers, want 6", len(transfers["transfers"].([]any)))
	}
	sameShape(t, transfers, decode(t, recorded(t, "rpc", "block-java", "chain_get_block_transfers.json")).(map[string]any)["result"])

	deploy := rpcCall(t, n, "info_get_deploy", map[string]any{"deploy_hash": body["transfer_hashes"].([]any)[0]})
	sameShape(t, deploy, decode(t, recorded(t, "rpc", "deploy", "get_raw_rpc_deploy_with_transfer.json")).(map[string]any)["result"])
	if deploy["execution_results"].([]any)[0].(map[string]any)["block_hash"] != hash {
		t.Error("the deploy was executed in another block")
	}
	status := rpcCall(t, n, "info_get_status", nil)
	if last := status["last_added_block_info"].(map[string]any); last["hash"] != hash || last["height"] != float64(20) {
		t.Errorf("status %v", last)
	}
	if status["chainspec_name"] != "casper-test" {
		t.Errorf("chain name %v", status["chainspec_name"])
	}
}

func TestRPCOf2x(t *testing.T) {
	t.Parallel()
	n := start(t, Config{Protocol: "2.0.0"})
	hash := makeBlock(t, n, 4, 4)
	answer := rpcCall(t, n, "chain_get_block", by("Hash", hash))["block_with_signatures"].(map[string]any)
	block := answer["block"].(map[string]any)["Version2"].(map[string]any)
	sameShape(t, block, decode(t, recorded(t, "rpc", "block", "block_v2_example.json")))
	if len(answer["proofs"].([]any)) != 5 {
		t.Error("the block has not its five signatures")
	}
	if got := rpcCall(t, n, "chain_get_block_transfers", nil)["transfers"].([]any); len(got) != 4 {
		t.Errorf("%d transfers, want 4", len(got))
	}
	var seen [2]bool
	for _, lane := range block["body"].(map[string]any)["transactions"].(map[string]any) {
		for _, tx := range lane.([]any) {
			hashes := tx.(map[string]any)
			info := rpcCall(t, n, "info_get_transaction", map[string]any{"transaction_hash": hashes})["execution_info"].(map[string]any)
			if info["block_hash"] != hash || info["block_height"] != float64(1) {
				t.Errorf("execution of %v: %v", hashes, info)
			}
			if legacy, ok := hashes["Deploy"]; ok {
				seen[0] = true
				got := rpcCall(t, n, "info_get_deploy", map[string]any{"deploy_hash": legacy})
				if got["deploy"].(map[string]any)["hash"] != legacy || got["execution_info"].(map[string]any)["block_hash"] != hash {
					t.Errorf("deploy %v: %v", legacy, got)
				}
			} else {
				seen[1] = true
			}
		}
	}
	if seen != [2]bool{true, true} {
		t.Errorf("deploys and transactions in the block: %v", seen)
	}
}

func TestRPCRefusals(t *testing.T) {
	t.Parallel()
	n := start(t, Config{})
	for _, test := range []struct {
		method string
		params any
		code   float64
	}{
		{"chain_get_block", by("Hash", noHash), codeNoSuchBlock},
		{"chain_get_block", by("Height", 99), codeNoSuchBlock},
		{"chain_get_block", "text", -32602},
		{"chain_get_block_transfers", by("Height", 99), codeNoSuchBlock},
		{"info_get_deploy", map[string]any{"deploy_hash": noHash}, codeNoSuchDeploy},
		{"info_get_deploy", map[string]any{}, -32602},
		{"info_get_transaction", map[string]any{}, -32601}, // 1.x has none
		{"state_get_item", nil, -32601},
	} {
		e, ok := rpcAnswer(t, n, test.method, test.params)["error"].(map[string]any)
		if !ok || e["code"] != test.code {
			t.Errorf("%s(%v) answered %v, want code %v", test.method, test.params, e, test.code)
		}
	}
	if code, _ := get(t, n.RPCURL()); code != 404 {
		t.Errorf("GET /rpc answered %d", code)
	}
}

func TestRecordingIsReplayed(t *testing.T) {
	t.Parallel()
	text := recorded(t, "wire", "testnet-1.4.6-events.stream")
	events, err := ReadRecording(bytes.NewReader(text))
	if err != nil || len(events) != 40 {
		t.Fatalf("%d events, %v, want 40", len(events), err)
	}
	n := start(t, Config{NoGenesis: true, Protocol: "1.4.6"})
	main, sigs := listen(t, n, "/events/main"), listen(t, n, "/events/sigs")
	if err := n.Replay(events); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, e := range events {
		from := main
		if e.Type == "FinalitySignature" {
			from = sigs
		}
		kind, id := from.event()
		if kind == "ApiVersion" {
			kind, id = from.event()
		}
		if kind != e.Type || id < 0 {
			t.Fatalf("came %s with id %d, want %s", kind, id, e.Type)
		}
		counts[kind]++
	}
	if counts["BlockAdded"] != 10 || counts["DeployProcessed"] != 3 || counts["FinalitySignature"] != 27 {
		t.Errorf("came %v", counts)
	}
	if height, _ := n.Head(); height != 776880 {
		t.Errorf("head %d, want 776880", height)
	}
	block := rpcCall(t, n, "chain_get_block", by("Height", 776872))["block"].(map[string]any)
	if block["hash"] != "21d58197d701a4703705a825150f8ca749c053adf6c2f0f9d6cad5b12ab00864" {
		t.Errorf("block 776872: %v", block["hash"])
	}
	block = rpcCall(t, n, "chain_get_block", by("Hash", "eb608315c358992c60b91649c36756020f332acca960db93dfbbb139cbe33183"))["block"].(map[string]any)
	if len(block["proofs"].([]any)) == 0 {
		t.Error("a recorded block has none of its recorded signatures")
	}
	// The chain can be gone on with.
	makeBlock(t, n, 1, 0)
	if height, _ := n.Head(); height != 776881 {
		t.Errorf("head %d after another block", height)
	}
}

func TestEveryRecordedPayloadIsReplayed(t *testing.T) {
	t.Parallel()
	events, err := ReadRecording(bytes.NewReader(recorded(t, "events.ndjson")))
	if err != nil || len(events) != 105 {
		t.Fatalf("%d events, %v, want 105", len(events), err)
	}
	n := start(t, Config{NoGenesis: true, Protocol: "2.0.0"})
	l := listen(t, n, "/events")
	if err := n.Replay(events); err != nil {
		t.Fatal(err)
	}
	l.event() // ApiVersion of this node
	for i, e := range events {
		if e.Type == "ApiVersion" {
			continue
		}
		lines := l.next()
		if lines[0] != "data:"+string(e.Raw) {
			t.Fatalf("event %d came as %.100s", i, lines[0])
		}
	}
}
