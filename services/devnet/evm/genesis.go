package evm

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"syscall"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/params"
)

// genesisFile is what makes a chain's genesis differ from another's.
type genesisFile struct {
	ChainID uint64      `json:"chain_id"`
	Salt    common.Hash `json:"salt"` // extra data of block 0
	Time    uint64      `json:"time"` // timestamp of block 0, Unix seconds
}

// loadGenesis gives the genesis of the folder's chain, making and writing a
// new one where there is none.
func loadGenesis(cfg Config) (*core.Genesis, error) {
	g := genesisFile{ChainID: cfg.ChainID, Time: uint64(cfg.Clock().Unix())}
	if cfg.Seed != "" {
		g.Salt = crypto.Keccak256Hash([]byte("fondaco devnet"), []byte(cfg.Seed))
	} else if _, err := rand.Read(g.Salt[:]); err != nil {
		return nil, err
	}
	if cfg.DataDir == "" {
		return g.genesis(), nil
	}
	path := filepath.Join(cfg.DataDir, "genesis.json")
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text, err = json.MarshalIndent(g, "", "  ")
		if err != nil {
			return nil, err
		}
		if err := writeFile(path, append(text, '\n')); err != nil {
			return nil, fmt.Errorf("writing the genesis: %w", err)
		}
	case err != nil:
		return nil, fmt.Errorf("reading the genesis: %w", err)
	default:
		if err := json.Unmarshal(text, &g); err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		if g.ChainID != cfg.ChainID {
			return nil, fmt.Errorf("%s holds chain id %d, not %d: use another folder", path, g.ChainID, cfg.ChainID)
		}
	}
	return g.genesis(), nil
}

// genesis fills block 0: every fork active, the system contracts those forks
// call into, and the development accounts with a billion ether each.
func (g genesisFile) genesis() *core.Genesis {
	config := *params.AllDevChainProtocolChanges
	config.ChainID = new(big.Int).SetUint64(g.ChainID)
	alloc := core.SystemContractAllocs()
	billion := new(big.Int).Mul(big.NewInt(1_000_000_000), big.NewInt(params.Ether))
	for _, a := range Accounts() {
		alloc[a.Address] = types.Account{Balance: billion}
	}
	return &core.Genesis{
		Config:    &config,
		Timestamp: g.Time,
		ExtraData: g.Salt.Bytes(),
		GasLimit:  ethconfig.Defaults.Miner.GasCeil,
		Alloc:     alloc,
	}
}

// lockDir makes the data folder and refuses it while another process has it.
func (n *Node) lockDir() error {
	if n.cfg.DataDir == "" {
		return nil
	}
	if err := os.MkdirAll(n.cfg.DataDir, 0o755); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(n.cfg.DataDir, "LOCK"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("opening the lock: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return fmt.Errorf("data folder %s is in use by another process: %w", n.cfg.DataDir, err)
	}
	n.lock = lock
	return nil
}

// writeFile replaces a file whole or not at all.
func writeFile(path string, text []byte) error {
	tmp := path + ".new"
	if err := os.WriteFile(tmp, text, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
