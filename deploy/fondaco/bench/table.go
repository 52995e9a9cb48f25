package bench

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// table is the run's figures, with what each is held against.
type table struct{ lines []line }

type line struct {
	section      bool
	what, figure string
	target       string
	ok           bool
}

func (t *table) section(title string) { t.lines = append(t.lines, line{section: true, what: title}) }

func (t *table) add(what, figure, target string, ok bool) {
	t.lines = append(t.lines, line{what: what, figure: figure, target: target, ok: ok})
}

// least formats a target that a figure must reach; zero = none.
func least(target float64, format string) string {
	if target == 0 {
		return ""
	}
	return ">= " + fmt.Sprintf(format, target)
}

func most(target float64, format string) string {
	if target == 0 {
		return ""
	}
	return "<= " + fmt.Sprintf(format, target)
}

func (t *table) rate(what string, v float64, unit string, target float64) {
	t.add(what, fmt.Sprintf("%.0f %s", v, unit), least(target, "%.0f"), v >= target)
}

func (t *table) ratio(what string, v, target float64) {
	t.add(what, fmt.Sprintf("%.2f", v), least(target, "%.2f"), v >= target)
}

func (t *table) atMost(what string, v, target float64) {
	t.add(what, fmt.Sprintf("%.2f x", v), most(target, "%.0f x"), v <= target)
}

func (t *table) latency(what string, v, target time.Duration) {
	ms := float64(v) / float64(time.Millisecond)
	t.add(what, fmt.Sprintf("%.1f ms", ms), most(float64(target)/float64(time.Millisecond), "%.0f ms"), v <= target)
}

func (t *table) memory(what string, v, target int64) {
	t.add(what, fmt.Sprintf("%.0f MiB", float64(v)/(1<<20)), most(float64(target)/(1<<20), "%.0f MiB"), v <= target)
}

// cpu prints processor time for one log, which says what a figure would be on a
// machine with nothing else to do.
func (t *table) cpu(what string, d time.Duration, logs int) {
	t.add(what, fmt.Sprintf("%.2f us/log", float64(d.Nanoseconds())/1e3/float64(logs)), "", true)
}

func (t *table) failed(part string, err error) {
	first, _, _ := strings.Cut(err.Error(), "\n")
	t.add(part+" failed", first, "", false)
}

// print writes the table; a figure beside a target is ok or BELOW.
func (t *table) print(w io.Writer, took time.Duration) {
	wide := 0
	for _, l := range t.lines {
		if !l.section {
			wide = max(wide, len(l.what))
		}
	}
	for _, l := range t.lines {
		if l.section {
			fmt.Fprintf(w, "\n%s\n", l.what)
			continue
		}
		verdict := ""
		if l.target != "" {
			verdict = "BELOW"
			if l.ok {
				verdict = "ok"
			}
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("  %-*s  %16s  %-10s  %s", wide, l.what, l.figure, l.target, verdict), " "))
	}
	fmt.Fprintf(w, "\nmeasured in %v\n", took.Round(time.Second))
}

func (t *table) nanos(what string, v, target float64) {
	t.add(what, fmt.Sprintf("%.1f ns", v), most(target, "%.0f ns"), target == 0 || v <= target)
}

// count is held against at most; 0 is a target here.
func (t *table) count(what string, v, atMost float64) {
	t.add(what, fmt.Sprintf("%.0f", v), fmt.Sprintf("<= %.0f", atMost), v <= atMost)
}

func (t *table) bytes(what string, v, target float64) {
	t.add(what, fmt.Sprintf("%.0f B", v), most(target, "%.0f B"), v <= target)
}

func (t *table) seconds(what string, v, target time.Duration) {
	t.add(what, fmt.Sprintf("%.2f s", v.Seconds()), most(target.Seconds(), "%.0f s"), target == 0 || v <= target)
}

// fine is latency with two places.
func (t *table) fine(what string, v, target time.Duration) {
	ms := float64(v) / float64(time.Millisecond)
	t.add(what, fmt.Sprintf("%.2f ms", ms), most(float64(target)/float64(time.Millisecond), "%.1f ms"), target == 0 || v <= target)
}

// within is a ratio that must stay below its target.
func (t *table) within(what string, v, target float64) {
	t.add(what, fmt.Sprintf("%.2f x", v), most(target, "%.1f x"), target == 0 || v <= target)
}
