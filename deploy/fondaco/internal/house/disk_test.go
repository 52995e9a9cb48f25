package house

import "testing"

func TestReserveOfTheDisk(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	for _, c := range []struct {
		name  string
		space Space
		was   bool
		want  bool
	}{
		{"plenty", Space{Free: 50 * gib, Total: 100 * gib}, false, false},
		{"below 5% of a large disk", Space{Free: 4 * gib, Total: 100 * gib}, false, true},
		{"above 5%", Space{Free: 6 * gib, Total: 100 * gib}, false, false},
		{"just above 5%, but it was short", Space{Free: 5*gib + gib/4, Total: 100 * gib}, true, true},
		{"a small disk keeps 1 GiB", Space{Free: gib - 1, Total: 4 * gib}, false, true},
		{"a small disk above 1 GiB", Space{Free: gib + 1, Total: 4 * gib}, false, false},
	} {
		if got := c.space.short(c.was); got != c.want {
			t.Errorf("%s: short = %v", c.name, got)
		}
	}
	if s, err := diskSpace(t.TempDir()); err != nil || s.Total == 0 || s.Free > s.Total {
		t.Errorf("diskSpace = %+v, %v", s, err)
	}
}
