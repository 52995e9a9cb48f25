package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"time"
)

// Names of what is no service.
const (
	cpuNATS    = "nats"
	cpuClients = "clients"
)

// usage is what the processes of a world took while something was measured.
type usage struct {
	w     *bookWorld
	as    string // name of the profiles
	began time.Time
	from  map[string]time.Duration
	self  *os.File
}

// watch begins to look at what the processes take; as names the profiles, when
// the run wants them.
func (w *bookWorld) watch(as string, window time.Duration) *usage {
	u := &usage{w: w, as: as, began: time.Now(), from: w.times()}
	if w.b.Profiles == "" {
		return u
	}
	seen := map[string]int{}
	for _, p := range w.procs {
		if seen[p.name]++; seen[p.name] == 1 { // replicas are alike
			w.profile(p, as, window)
		}
	}
	if f, err := os.Create(filepath.Join(w.b.Profiles, as+".self.pprof")); err == nil {
		u.self = f
		_ = pprof.StartCPUProfile(f)
	}
	return u
}

// times is the processor time of every process up to now; replicas are added up.
func (w *bookWorld) times() map[string]time.Duration {
	out := map[string]time.Duration{cpuPostgres: databaseCPU(), cpuNATS: selfCPU()}
	for _, p := range w.procs {
		out[p.name] += p.cpu()
	}
	if w.node != nil {
		if p, err := readProcess(w.node.proc.Pid()); err == nil {
			out[cpuNode] = p.own
		}
	}
	return out
}

// tell prints how many processors each took, the busiest first; clients is the
// time that those took.
func (u *usage) tell(t *table, clients time.Duration) {
	took := time.Since(u.began).Seconds()
	var names []string
	used := u.w.times()
	for name := range used {
		used[name] -= u.from[name]
		names = append(names, name)
	}
	used[cpuClients] = clients
	names = append(names, cpuClients)
	slices.SortFunc(names, func(a, b string) int { return int(used[b] - used[a]) })
	var parts []string
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%s %.2f", name, used[name].Seconds()/took))
	}
	t.add("  processors: "+strings.Join(parts, ", "), "", "", true)
	if u.self != nil {
		pprof.StopCPUProfile()
		_ = u.self.Close()
	}
	u.w.b.profiles.Wait()
}
