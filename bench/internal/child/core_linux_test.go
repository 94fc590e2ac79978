package child

import (
	"errors"
	"os"
	"testing"
)

// What a child ran is a part of what its core did, where the kernel tells that.
func TestACoreRanAtLeastWhatItsProcessDid(t *testing.T) {
	p := startRole(t, "parrot")
	ranBefore, err := CoreTime(Cores()...)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	before, err := p.CPUTime()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Call("say", "something", nil); err != nil {
		t.Fatal(err)
	}
	after, err := p.CPUTime()
	if err != nil {
		t.Fatal(err)
	}
	ran, err := CoreTime(Cores()...)
	if err != nil || ran-ranBefore < after-before {
		t.Errorf("the cores ran for %v, %v; a process on them for %v", ran-ranBefore, err, after-before)
	}
}

func TestTimesOfAChildAreWhatItsClockSays(t *testing.T) {
	p := startRole(t, "parrot")
	user, system, err := p.Times()
	if err != nil {
		t.Fatal(err)
	}
	clock, err := p.CPUTime()
	if err != nil || user+system > clock {
		t.Errorf("%v and %v of %v, %v", user, system, clock, err)
	}
}
