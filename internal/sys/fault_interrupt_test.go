//go:build linux && faultinject && !simkernel

package sys

import "testing"

// A signal that ends a try of a call, again and again, is nothing that its caller sees.
func TestTriesCanBeInterrupted(t *testing.T) {
	everyCall(t, func(row trait) bool { return row.retried }, func(t *testing.T, c Call) {
		r := Rules{Interrupt: 0.9, Tally: new(Tally)}
		for r.Tally.Count(Fault{Kind: Interrupted}) == 0 {
			if r.Seed++; r.Seed > 100 {
				t.Fatal("100 seeds interrupted nothing")
			}
			call := tries[c](t)
			remove := InjectRules(r)
			n, e := call()
			remove()
			if e != 0 || traits[c].moves > 0 && n != full {
				t.Fatal(n, e)
			}
		}
	})
}
