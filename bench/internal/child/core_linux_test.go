package child

import (
	"errors"
	"os"
	"testing"
	"time"
)

func TestTheTimeOfCoresIsAddedUp(t *testing.T) {
	text := []byte("100 20 3 \n")
	for _, tt := range []struct {
		cores []int
		want  time.Duration
	}{
		{nil, 0},
		{[]int{1}, 20},
		{[]int{0, 2}, 103},
	} {
		if got, err := sumCores(text, tt.cores); err != nil || got != tt.want {
			t.Errorf("cores %v: %d, %v; want %d", tt.cores, got, err, tt.want)
		}
	}
	for _, core := range []int{-1, 3} {
		if got, err := sumCores(text, []int{core}); err == nil {
			t.Errorf("core %d gave %d", core, got)
		}
	}
	if got, err := sumCores([]byte("many\n"), []int{0}); err == nil {
		t.Errorf("no number gave %d", got)
	}
}

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

func TestTimesOfAProgramWhateverItsName(t *testing.T) {
	const rest = " S 1 7 7 0 -1 4194560 1 2 3 4 25 130 5 6 20 0 1 0 99"
	for _, name := range []string{"(redis-server)", "(a b)", "(a) (b)"} {
		user, system, err := parseTimes([]byte("42 " + name + rest))
		if err != nil || user != 250*time.Millisecond || system != 1300*time.Millisecond {
			t.Errorf("%s: %v and %v, %v", name, user, system, err)
		}
	}
	for _, bad := range []string{"", "42 (a) S 1 7", "42 (a) S 1 7 7 0 -1 4194560 1 2 3 4 25 many 5 6"} {
		if user, system, err := parseTimes([]byte(bad)); err == nil {
			t.Errorf("%q gave %v and %v", bad, user, system)
		}
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
