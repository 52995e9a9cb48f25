// Package artifact holds the compiled contracts of the development chain. The
// files under json/ are written by deploy/contracts/build.js and equal those
// in deploy/contracts/artifacts.
package artifact

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

//go:embed json/*.json
var files embed.FS

// Names are the contracts that exist, in the order in which they are deployed.
func Names() []string { return []string{"USD", "Wine", "Market"} }

// Artifact is one compiled contract.
type Artifact struct {
	Contract string
	Compiler string
	ABI      abi.ABI
	// ABIJSON is the ABI alone, indented, ending in a newline: what a
	// fondaco.yaml refers to.
	ABIJSON []byte
	// Bytecode is the creation code without constructor arguments.
	Bytecode []byte
	// Deployed is the code at the contract's address, with zeros where its
	// constructor fills in immutable values.
	Deployed []byte
}

// Load reads the artifact of one of Names.
func Load(name string) (*Artifact, error) {
	text, err := File(name)
	if err != nil {
		return nil, err
	}
	var raw struct {
		Contract         string          `json:"contract"`
		Compiler         string          `json:"compiler"`
		ABI              json.RawMessage `json:"abi"`
		Bytecode         hexutil.Bytes   `json:"bytecode"`
		DeployedBytecode hexutil.Bytes   `json:"deployedBytecode"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, fmt.Errorf("reading artifact %s: %w", name, err)
	}
	parsed, err := abi.JSON(bytes.NewReader(raw.ABI))
	if err != nil {
		return nil, fmt.Errorf("reading the ABI of %s: %w", name, err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, raw.ABI, "", "  "); err != nil {
		return nil, fmt.Errorf("indenting the ABI of %s: %w", name, err)
	}
	indented.WriteByte('\n')
	return &Artifact{
		Contract: raw.Contract,
		Compiler: raw.Compiler,
		ABI:      parsed,
		ABIJSON:  indented.Bytes(),
		Bytecode: raw.Bytecode,
		Deployed: raw.DeployedBytecode,
	}, nil
}

// File returns the artifact's file as it is committed.
func File(name string) ([]byte, error) {
	text, err := files.ReadFile("json/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("no contract is named %s: %w", name, err)
	}
	return text, nil
}
