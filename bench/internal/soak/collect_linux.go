package soak

// What a run leaves behind besides its samples.

import (
	"fmt"
	"strings"
)

// collect fills in what was done, brought about and lost, by the last account.
func (r *run) collect() {
	a, result := r.account, r.result
	for i, k := range kinds {
		t := &r.load.tallies[i]
		result.Actions = append(result.Actions, Tally{k.name, t.done.Load(), t.lost.Load(), t.bytes.Load()})
		if why := r.load.lost.first[k.name]; why != "" {
			r.lose("%s: %s", k.name, why)
		}
	}
	result.Actions = append(result.Actions, Tally{Kind: "dial to itself", Done: a.Dials, Lost: a.Failed + a.Broken + a.Dials - a.Outcomes})
	result.Faults = append([]Count{r.stops}, a.Injected...)
	result.Seen = a.Seen
	r.loseOf("probe", r.probe)
	r.loseOf("probe of the control", r.control)
	if a.Why != "" {
		r.lose("server: %s", a.Why)
	}
	if result.Final == nil {
		return // nothing has been given the time to end
	}
	if a.Dials != a.Outcomes {
		r.lose("dial to itself: %d dials had %d outcomes", a.Dials, a.Outcomes)
	}
	if a.Conns != 0 {
		r.lose("%d connections are left in the engine", a.Conns)
	}
	if never := r.missing(); len(never) > 0 {
		r.lose("never took place: %s", strings.Join(never, ", "))
	}
}

func (r *run) loseOf(name string, p *probe) {
	if p.lost > 0 {
		r.lose("%s: %d times: %s", name, p.lost, p.first)
	}
}

func (r *run) lose(format string, args ...any) {
	r.result.Lost = append(r.result.Lost, fmt.Sprintf(format, args...))
}

// missing is what should have taken place and has not. A run that is too short to be
// judged in full need not have met everything.
func (r *run) missing() (never []string) {
	some := false
	for _, c := range r.account.Injected {
		some = some || c.Times > 0
	}
	if r.Faults && !some {
		never = append(never, "a system call that fails")
	}
	if r.result.lasted() < shortest {
		return never
	}
	for _, a := range r.result.Actions {
		if a.Done == 0 {
			never = append(never, a.Kind)
		}
	}
	for _, c := range append(r.result.Faults, r.result.Seen...) {
		if c.Times == 0 {
			never = append(never, c.What)
		}
	}
	return never
}
