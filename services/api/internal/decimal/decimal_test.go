package decimal_test

import (
	"errors"
	"math"
	"testing"

	"fondaco.dev/services/api/internal/decimal"
)

func TestSteps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		scale uint32
		step  int64
		want  int64
		err   error
	}{
		{"12.30", 2, 1, 1230, nil},
		{"12.3", 2, 5, 246, nil},
		{"12.300000000000000000000", 2, 1, 1230, nil},
		{"12.31", 2, 5, 0, decimal.ErrStep},
		{"0.001", 2, 1, 0, decimal.ErrStep},
		{"0", 2, 1, 0, nil},
		{"-1.5", 1, 1, -15, nil},
		{"007", 0, 1, 7, nil},
		{"9223372036854775807", 0, 1, math.MaxInt64, nil},
		{"9223372036854775808", 0, 1, 0, decimal.ErrRange},
		{"9223372036854775808", 0, 2, 4611686018427387904, nil},
		{"92233720368547758.08", 2, 1, 0, decimal.ErrRange},
		{"", 2, 1, 0, decimal.ErrSyntax},
		{"1.", 2, 1, 0, decimal.ErrSyntax},
		{".5", 2, 1, 0, decimal.ErrSyntax},
		{"1e3", 2, 1, 0, decimal.ErrSyntax},
		{"+1", 2, 1, 0, decimal.ErrSyntax},
		{"1 ", 2, 1, 0, decimal.ErrSyntax},
		{"--1", 2, 1, 0, decimal.ErrSyntax},
		{"NaN", 2, 1, 0, decimal.ErrSyntax},
		{"0x10", 2, 1, 0, decimal.ErrSyntax},
		{"٣", 2, 1, 0, decimal.ErrSyntax},
	} {
		got, err := decimal.Steps(c.text, c.scale, c.step)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("Steps(%q, %d, %d) = %d, %v; want %d, %v", c.text, c.scale, c.step, got, err, c.want, c.err)
		}
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n, step int64
		scale   uint32
		want    string
	}{
		{1230, 1, 2, "12.30"}, {5, 1, 2, "0.05"}, {-5, 1, 2, "-0.05"}, {0, 1, 2, "0.00"}, {7, 1, 0, "7"},
		{246, 5, 2, "12.30"}, {math.MaxInt64, 10, 0, "92233720368547758070"}, {math.MinInt64, 1, 18, "-9.223372036854775808"},
		{1, 1, 18, "0.000000000000000001"},
	} {
		if got := decimal.FormatSteps(c.n, c.step, c.scale); got != c.want {
			t.Errorf("FormatSteps(%d, %d, %d) = %q, want %q", c.n, c.step, c.scale, got, c.want)
		}
	}
}

func FuzzStepsRoundTrip(f *testing.F) {
	f.Add("12.30", uint32(2))
	f.Add("-0.000000000000000001", uint32(18))
	f.Fuzz(func(t *testing.T, text string, scale uint32) {
		scale %= 19
		n, err := decimal.Steps(text, scale, 1)
		if err != nil {
			return
		}
		again, err := decimal.Steps(decimal.Format(n, scale), scale, 1)
		if err != nil || again != n {
			t.Fatalf("%q -> %d -> %q -> %d, %v", text, n, decimal.Format(n, scale), again, err)
		}
	})
}

// FuzzStepsOf: the short way and the long one agree.
func FuzzStepsOf(f *testing.F) {
	for _, seed := range []string{"12.30", "-0.5", "1.", ".5", "", "-", "123456789012345678901", "0.000", "99999999999999999.99", "1.2.3"} {
		f.Add(seed, uint32(2), int64(5))
	}
	f.Fuzz(func(t *testing.T, text string, scale uint32, step int64) {
		scale %= 19
		want, wantErr := decimal.Steps(text, scale, step)
		got, err := decimal.StepsOf([]byte(text), scale, step)
		if got != want || !errors.Is(err, wantErr) {
			t.Fatalf("%q at scale %d step %d: %d %v, want %d %v", text, scale, step, got, err, want, wantErr)
		}
		if err == nil && step > 0 {
			if s := string(decimal.AppendSteps(nil, got, step, scale)); s != decimal.FormatSteps(got, step, scale) {
				t.Fatalf("%q and %q", s, decimal.FormatSteps(got, step, scale))
			}
		}
	})
}
