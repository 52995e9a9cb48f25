package evm

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/core/types"

	"fondaco.dev/services/event-handler/internal/fakenode"
)

const oneLog = `{"address":"0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2","topics":["0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"],` +
	`"data":"0x01ff","blockNumber":"0x10dde5f","transactionHash":"0x1ab7434076785c411eff21442ab8b7408014406a51c8a40548ea43c09b0652df",` +
	`"transactionIndex":"0x0","blockHash":"0x0cfdc76bb857a33767b4259a0ca8c0c3cb48cd7be8aff17bc1ed20dc4cffd7bd","blockTimestamp":"0x0","logIndex":"0x1","removed":false}`

// FuzzLogs: where the fast decoder gives an answer, it is that of encoding/json.
func FuzzLogs(f *testing.F) {
	f.Add([]byte("[" + oneLog + "]"))
	f.Add([]byte("[ ]"))
	f.Add([]byte("[" + oneLog + " ,\n" + strings.Replace(oneLog, `["0xdd`, `[ "0xDD`, 1) + "]"))
	f.Add([]byte("[" + strings.Replace(oneLog, `"data":"0x01ff",`, "", 1) + "]"))
	f.Add([]byte("[" + strings.Replace(oneLog, `"removed":false`, `"removed": true,"logIndex":"0x2"`, 1) + "]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := logParser{parser: parser{b: data}}
		fast, ok := p.logs(1)
		if !ok || !p.end() {
			return
		}
		var slow []Log
		if err := json.Unmarshal(data, &slow); err != nil {
			t.Fatalf("the fast decoder takes what encoding/json does not: %v", err)
		}
		if len(fast) != len(slow) {
			t.Fatalf("%d logs, encoding/json %d", len(fast), len(slow))
		}
		for i := range fast {
			if len(fast[i].Data) == 0 && len(slow[i].Data) == 0 {
				fast[i].Data, slow[i].Data = nil, nil
			}
			if !reflect.DeepEqual(fast[i], slow[i]) {
				t.Fatalf("log %d: %+v, encoding/json %+v", i, fast[i], slow[i])
			}
		}
	})
}

// TestRealLogsTakeTheFastWay: all 9,807 logs of the recording.
func TestRealLogsTakeTheFastWay(t *testing.T) {
	t.Parallel()
	for _, b := range fakenode.Mainnet(t).Canonical() {
		data, err := json.Marshal(b.Logs)
		if err != nil {
			t.Fatal(err)
		}
		p := logParser{parser: parser{b: data}}
		logs, ok := p.logs(1)
		if !ok || !p.end() || len(logs) != len(b.Logs) {
			t.Fatalf("block %d: %v, %d logs of %d", b.Number(), ok, len(logs), len(b.Logs))
		}
		for i, l := range logs {
			want := b.Logs[i]
			if l.Address != want.Address || l.Index != uint32(want.Index) || l.TxHash != want.TxHash || string(l.Data) != string(want.Data) || len(l.Topics) != len(want.Topics) {
				t.Fatalf("block %d, log %d: %+v", b.Number(), i, l)
			}
		}
	}
}

func TestOddLogsTakeTheSlowWay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ change, to, fails string }{
		"escape":        {`"0x01ff"`, `"\u0030x01ff"`, ""},
		"unknown key":   {`"removed":false`, `"removed":false,"transactionLogIndex":"0x0"`, ""},
		"key in caps":   {`"data"`, `"Data"`, ""},
		"null data":     {`"0x01ff"`, `null`, ""},
		"pending":       {`"0x0cfdc76bb857a33767b4259a0ca8c0c3cb48cd7be8aff17bc1ed20dc4cffd7bd"`, `null`, "without"},
		"odd digits":    {`"0x01ff"`, `"0x1ff"`, "odd length"},
		"short address": {`"0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"`, `"0xc02a"`, "20 bytes"},
		"leading zero":  {`"0x10dde5f"`, `"0x010dde5f"`, "leading zero"},
		"huge index":    {`"logIndex":"0x1"`, `"logIndex":"0xffffffffff"`, "logIndex"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var l logList
			err := l.DecodeJSON([]byte("[" + strings.Replace(oneLog, c.change, c.to, 1) + "]"))
			if c.fails == "" && (err != nil || len(l.logs) != 1) || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
				t.Errorf("%d logs, %v", len(l.logs), err)
			}
		})
	}
}

func BenchmarkLogs(b *testing.B) {
	logs := fakenode.Mainnet(b).Canonical()[3].Logs
	data, err := json.Marshal(logs)
	if err != nil {
		b.Fatal(err)
	}
	run := func(name string, decode func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := decode(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(logs)), "ns/log")
		})
	}
	run("fast", func() error { var l logList; return l.DecodeJSON(data) })
	run("encoding-json", func() error { var l []Log; return json.Unmarshal(data, &l) })
	run("go-ethereum", func() error { var l []types.Log; return json.Unmarshal(data, &l) })
}
