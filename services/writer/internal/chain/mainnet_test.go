package chain_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"fondaco.dev/services/writer/internal/testdata"
	"fondaco.dev/services/writer/internal/writertest"

	chainv1 "fondaco.dev/proto/chain/v1"
)

type rpcBlock struct {
	Number       hexutil.Uint64 `json:"number"`
	Hash         common.Hash    `json:"hash"`
	ParentHash   common.Hash    `json:"parentHash"`
	Timestamp    hexutil.Uint64 `json:"timestamp"`
	Transactions []common.Hash  `json:"transactions"`
}

type rpcReceipt struct {
	Logs []struct {
		Address          common.Address `json:"address"`
		Topics           []common.Hash  `json:"topics"`
		Data             hexutil.Bytes  `json:"data"`
		TransactionHash  common.Hash    `json:"transactionHash"`
		TransactionIndex hexutil.Uint   `json:"transactionIndex"`
		LogIndex         hexutil.Uint   `json:"logIndex"`
	} `json:"logs"`
}

// mainnet reads the 23 linked blocks with the logs of one topic.
func mainnet(t *testing.T, topic []byte) []*chainv1.Block {
	t.Helper()
	file, err := os.Open(filepath.Join(testdata.Dir(t), "evm", "mainnet-17686110.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	zipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	blocks, receipts := map[string]rpcBlock{}, map[string][]rpcReceipt{}
	for archive := tar.NewReader(zipped); ; {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		number, kind, _ := strings.Cut(filepath.Base(h.Name), ".")
		switch kind {
		case "block.json":
			var b rpcBlock
			err = json.NewDecoder(archive).Decode(&b)
			blocks[number] = b
		case "receipts.json":
			var r []rpcReceipt
			err = json.NewDecoder(archive).Decode(&r)
			receipts[number] = r
		}
		if err != nil {
			t.Fatal(h.Name, err)
		}
	}
	var out []*chainv1.Block
	for number, b := range blocks {
		if b.Number > 17686132 {
			continue
		}
		block := &chainv1.Block{Number: uint64(b.Number), Hash: b.Hash[:], ParentHash: b.ParentHash[:], Time: uint64(b.Timestamp), TxCount: uint32(len(b.Transactions))}
		for _, r := range receipts[number] {
			for _, l := range r.Logs {
				if len(l.Topics) == 0 || string(l.Topics[0][:]) != string(topic) {
					continue
				}
				if n := len(block.Txs); n == 0 || block.Txs[n-1].Index != uint32(l.TransactionIndex) {
					block.Txs = append(block.Txs, &chainv1.Tx{Index: uint32(l.TransactionIndex), Hash: l.TransactionHash[:]})
				}
				log := &chainv1.Log{Address: l.Address[:], Data: l.Data, Index: uint32(l.LogIndex), TxIndex: uint32(l.TransactionIndex)}
				for _, topic := range l.Topics {
					log.Topics = append(log.Topics, topic[:])
				}
				block.Logs = append(block.Logs, log)
			}
		}
		out = append(out, block)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Number < out[j].Number })
	return out
}

func TestMainnetTransfersAreDecoded(t *testing.T) {
	t.Parallel()
	blocks := mainnet(t, writertest.TransferTopic)
	if len(blocks) != 23 {
		t.Fatalf("%d blocks", len(blocks))
	}
	w := writertest.New(t)
	n := writertest.EVMNetwork("mainnet")
	f := w.NewFeed(n.Subject())
	build := w.Build("mainnet", n)
	indexer(w, build, n, nil)
	decodable, all := 0, 0
	for _, b := range blocks {
		f.Publish(writertest.U(b))
		for _, l := range b.GetLogs() {
			all++
			if len(l.GetTopics()) == 3 && len(l.GetData()) >= 32 {
				decodable++
			}
		}
	}
	w.Wait(build, n.Subject(), f.Last)
	if got := writertest.Value[int64](w, `select count(*) from ix_mainnet.events`); got != int64(all) || all == 0 {
		t.Errorf("%d events, the receipts hold %d", got, all)
	}
	if got := writertest.Value[int64](w, `select count(*) from ix_mainnet.events where event = 'Transfer' and decode_error = ''`); got != int64(decodable) {
		t.Errorf("%d decoded, want %d of %d", got, decodable, all)
	}
	// The first log of the first block, read by hand: DAI, 0xa1522c10348a374026 units.
	const first = `select args::text from ix_mainnet.events order by block_number, log_index limit 1`
	if got := writertest.Value[string](w, first); !strings.Contains(got, `"from": "0x`) || !strings.Contains(got, `"value": "`) {
		t.Errorf("args %s", got)
	}
	const dai = `select args->>'value' from ix_mainnet.events where block_number = 17686129 and log_index = 0`
	if got := writertest.Value[string](w, dai); got != "2975846921295166390310" {
		t.Errorf("value %s", got)
	}
	same(t, w, build, n, f.Last, true)
}
