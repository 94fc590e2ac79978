//go:build (linux && !simkernel) || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

// Allocations, of which a poller makes none; a model of the kernel does.

import (
	"testing"
	"time"
)

// What every turn of a loop does must not allocate.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	p := newPoller(t)
	a, b := newPair(t)
	idle, _ := newPair(t)
	send(t, b, "x")
	must(t, p.Add(a, Read, 1))
	must(t, p.Add(idle, Read, 2))
	events := make([]Event, 64)
	quiet := newPoller(t)
	for name, f := range map[string]func(){
		"Wait(0)":       func() { p.Wait(events, 0) },
		"Wait(-1)":      func() { p.Wait(events, -1) },
		"Wait(1s)":      func() { p.Wait(events, time.Second) },
		"Wait time-out": func() { quiet.Wait(events, time.Microsecond) },
		"Modify":        func() { p.Modify(idle, Read|Write|Edge, 3) },
		"Delete, Add":   func() { p.Delete(idle); p.Add(idle, Read, 2) },
		"Wake, Wait":    func() { quiet.Wake(); quiet.Wake(); quiet.Wait(events, -1) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
