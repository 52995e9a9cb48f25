package operator

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strings"

	"fondaco.dev/deploy/fondaco/internal/infra"
	"fondaco.dev/proto/config"
)

// ErrNoManualDeposits says that this system does not make money from nothing.
var ErrNoManualDeposits = errors.New("deposits by hand are refused here: start the system with --demo, or in the dev profile with FONDACO_ALLOW_MANUAL_DEPOSITS=true")

var amountForm = regexp.MustCompile(`^[0-9]{1,19}(\.[0-9]{1,18})?$`)

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
		units, err := smallestUnits(amount, scale)
		if err != nil {
			return nil, fmt.Errorf("--deposit %s: %w", arg, err)
		}
		out = append(out, Deposit{Asset: name, Amount: units})
	}
	return out, nil
}

func smallestUnits(s string, scale int) (int64, error) {
	if !amountForm.MatchString(s) {
		return 0, fmt.Errorf("%q is not a decimal number such as 1000 or 0.5", s)
	}
	whole, frac, _ := strings.Cut(s, ".")
	frac = strings.TrimRight(frac, "0")
	if len(frac) > scale {
		return 0, fmt.Errorf("has more decimal places than the asset's %d", scale)
	}
	v, _ := new(big.Int).SetString(whole+frac+strings.Repeat("0", scale-len(frac)), 10)
	if v.Sign() <= 0 || v.Cmp(big.NewInt(math.MaxInt64)) > 0 {
		return 0, errors.New("is not between one smallest unit and 2^63-1 of them")
	}
	return v.Int64(), nil
}

// MayDeposit refuses deposits by hand where the system does not allow them.
func MayDeposit(s infra.System) error {
	if !s.ManualDeposits {
		return ErrNoManualDeposits
	}
	return nil
}
