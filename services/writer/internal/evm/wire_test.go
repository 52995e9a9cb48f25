package evm

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// randomPack holds units of every form that a subject has, some of them bare.
func randomPack(r *rand.Rand) *chainv1.Pack {
	some := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	block := func() *chainv1.Block {
		b := &chainv1.Block{Number: r.Uint64(), Hash: some(32), ParentHash: some(r.IntN(33)), Time: uint64(r.IntN(1 << 31)), Header: some(r.IntN(600)), TxCount: uint32(r.IntN(300))}
		for i := range r.IntN(4) {
			b.Txs = append(b.Txs, &chainv1.Tx{Index: uint32(i), Hash: some(32)})
		}
		for i := range r.IntN(20) {
			l := &chainv1.Log{Address: some(20), Data: some(r.IntN(100)), Index: uint32(i), TxIndex: r.Uint32N(3)}
			for range r.IntN(6) {
				l.Topics = append(l.Topics, some(32*r.IntN(2)))
			}
			if r.IntN(50) == 0 {
				l.Reads = []*chainv1.Read{{Name: "r", Result: some(32)}}
			}
			b.Logs = append(b.Logs, l)
		}
		return b
	}
	p := &chainv1.Pack{PrevSeq: r.Uint64N(3), PrevDigest: some(32 * r.IntN(2))}
	if r.IntN(4) > 0 {
		p.Resume = &chainv1.Resume{Head: r.Uint64(), Hash: some(32), BackfillHeight: r.Uint64N(2)}
	}
	for range r.IntN(5) {
		u := &chainv1.Unit{Kind: &chainv1.Unit_Block{Block: block()}}
		switch r.IntN(8) {
		case 0:
			u.Kind = &chainv1.Unit_Repair{Repair: &chainv1.Repair{Block: block()}}
		case 1:
			u.Kind = &chainv1.Unit_Reverted{Reverted: &chainv1.Reverted{ToNumber: 7, ToHash: some(32)}}
		case 2:
			u.Kind = nil
		}
		p.Units = append(p.Units, u)
	}
	return p
}

// twin holds ReadPack to the library: the same error or not, the same message.
func twin(t *testing.T, data []byte) {
	t.Helper()
	var want chainv1.Pack
	wantErr := proto.Unmarshal(data, &want)
	got, err := ReadPack(bytes.Clone(data))
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%x: %v, the library says %v", data, err, wantErr)
	}
	if err == nil && !proto.Equal(got, &want) {
		t.Fatalf("%x:\n got %v\nwant %v", data, got, &want)
	}
}

func TestReadPackIsTheLibrarysPack(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		data, err := proto.Marshal(randomPack(r))
		if err != nil {
			t.Fatal(err)
		}
		twin(t, data)
		for range 20 { // a wrong byte, a lost tail, a piece that stands twice
			bad := bytes.Clone(data)
			if len(bad) == 0 {
				continue
			}
			switch i := r.IntN(len(bad)); r.IntN(3) {
			case 0:
				bad[i] = byte(r.Uint32())
			case 1:
				bad = bad[:i]
			default:
				bad = append(bad, bad[i:]...)
			}
			twin(t, bad)
		}
	}
}

// Fields that are unknown, of another type, or stand twice are the library's.
func TestReadPackLeavesOddFieldsToTheLibrary(t *testing.T) {
	t.Parallel()
	inBlock := func(field []byte) []byte {
		block := append(protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 5), field...)
		unit := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), block)
		return protowire.AppendBytes(protowire.AppendTag(nil, 4, protowire.BytesType), unit)
	}
	for i, data := range [][]byte{
		protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1),
		protowire.AppendFixed64(protowire.AppendTag(nil, 1, protowire.Fixed64Type), 1),
		protowire.AppendVarint(protowire.AppendTag(nil, 4, protowire.VarintType), 1),
		inBlock(protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 6)),
		inBlock(protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 6)),
		inBlock(protowire.AppendVarint(protowire.AppendTag(nil, 77, protowire.VarintType), 6)),
		inBlock(protowire.AppendVarint(protowire.AppendTag(nil, 6, protowire.VarintType), 1<<40+9)),
		inBlock(protowire.AppendVarint(protowire.AppendTag(nil, 8, protowire.VarintType), 6)),
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			twin(t, data)
		})
	}
}

func FuzzReadPack(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		data, err := proto.Marshal(randomPack(r))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(twin)
}

func BenchmarkReadPack(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	p := &chainv1.Pack{}
	logs := 0
	for range 300 {
		for _, u := range randomPack(r).Units {
			p.Units = append(p.Units, u)
			logs += len(u.GetBlock().GetLogs())
		}
	}
	data, err := proto.Marshal(p)
	if err != nil {
		b.Fatal(err)
	}
	for _, how := range []struct {
		name string
		read func([]byte) (*chainv1.Pack, error)
	}{{"library", func(d []byte) (*chainv1.Pack, error) { p := new(chainv1.Pack); return p, proto.Unmarshal(d, p) }}, {"ours", ReadPack}} {
		b.Run(how.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := how.read(data); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(logs), "ns/log")
		})
	}
}
