package operator

import (
	"errors"
	"fmt"
	"strings"

	"fondaco.dev/deploy/fondaco/internal/infra"
	"fondaco.dev/proto/config"
)

// ErrNoManualDeposits says that this system does not make money from nothing.
var ErrNoManualDeposits = errors.New("deposits by hand are refused here: start the system with --demo, or in the dev profile with FONDACO_ALLOW_MANUAL_DEPOSITS=true")

// ParseDeposits reads ASSET=AMOUNT; an amount is a decimal number of whole
// assets and must be whole in the asset's smallest unit.
func ParseDeposits(args []string, file *config.File) ([]Deposit, error) {
	var out []Deposit
	for _, arg := range args {
		name, amount, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, fmt.Errorf("--deposit %s: not of the form ASSET=AMOUNT", arg)
		}
		scale := -1
		var known []string
		for _, a := range file.Assets {
			known = append(known, a.Name)
			if a.Name == name {
				scale = int(a.Scale)
			}
		}
		if scale < 0 {
			return nil, fmt.Errorf("--deposit %s: the configuration has no asset %s; it has %s", arg, name, strings.Join(known, ", "))
		}
		for _, d := range out {
			if d.Asset == name {
				return nil, fmt.Errorf("--deposit %s: %s is given twice", arg, name)
			}
		}
		units, err := config.Units(amount, uint32(scale))
		if err != nil {
			return nil, fmt.Errorf("--deposit %s: %w", arg, err)
		}
		out = append(out, Deposit{Asset: name, Amount: units})
	}
	return out, nil
}

// MayDeposit refuses deposits by hand where the system does not allow them.
func MayDeposit(s infra.System) error {
	if !s.ManualDeposits {
		return ErrNoManualDeposits
	}
	return nil
}
