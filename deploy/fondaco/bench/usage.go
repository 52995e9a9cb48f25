package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of times in /proc. 100 Hz: USER_HZ of every Linux that
// runs Go.
const clockTick = 10 * time.Millisecond

// process is one line of /proc/<pid>/stat.
type process struct {
	name   string
	parent int
	own    time.Duration // user and system time
	waited time.Duration // that of children which ended
}

// readProcess reads a process's times. Source: proc_pid_stat(5).
func readProcess(pid int) (p process, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return p, err
	}
	// The name is in brackets and may hold anything, brackets too.
	text := string(data)
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	f := strings.Fields(text[end+1:])
	if open < 0 || len(f) < 15 {
		return p, fmt.Errorf("process %d has an unknown form", pid)
	}
	ticks := func(i int) time.Duration {
		n, _ := strconv.ParseInt(f[i], 10, 64)
		return time.Duration(n) * clockTick
	}
	p.name = text[open+1 : end]
	p.parent, _ = strconv.Atoi(f[1])
	p.own, p.waited = ticks(11)+ticks(12), ticks(13)+ticks(14)
	return p, nil
}

// cpu is the time that a program used so far.
func (p *program) cpu() time.Duration {
	own, err := readProcess(p.proc.Pid())
	if err != nil {
		return 0
	}
	return own.own
}

// databaseCPU is the time that the Postgres of this process used so far, with
// all its backends, also those that ended.
func databaseCPU() (sum time.Duration) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	all := map[int]process{}
	server := 0
	for _, d := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(d))
		if p, err := readProcess(pid); err == nil {
			all[pid] = p
			if p.parent == os.Getpid() && p.name == "postgres" {
				server = pid
			}
		}
	}
	for pid, p := range all {
		if pid == server {
			sum += p.own + p.waited
		} else if p.parent == server && server != 0 {
			sum += p.own
		}
	}
	return sum
}
