package poller

import (
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
)

func TestFiltersOfAnInterest(t *testing.T) {
	for _, c := range []struct {
		interest     Interest
		wanted, held filters
	}{
		{0, 0, filterRead},
		{Edge | OneShot, 0, filterRead},
		{Read, filterRead, filterRead},
		{Write | Edge, filterWrite, filterWrite},
		{Priority, filterExcept, filterExcept},
		{Read | Write | Priority | OneShot, filterRead | filterWrite | filterExcept, filterRead | filterWrite | filterExcept},
	} {
		if got := wantedFilters(c.interest); got != c.wanted {
			t.Errorf("%v wants %b, want %b", c.interest, got, c.wanted)
		}
		if got := heldFilters(c.interest); got != c.held {
			t.Errorf("%v holds %b, want %b", c.interest, got, c.held)
		}
	}
}

func TestKqueueAddFlags(t *testing.T) {
	const dispatch = 0x80
	for _, c := range []struct {
		interest Interest
		dispatch int
		want     int
	}{
		{Read, dispatch, sys.EV_ADD},
		{Read | Edge, dispatch, sys.EV_ADD | sys.EV_CLEAR},
		{Read | OneShot, dispatch, sys.EV_ADD | dispatch},
		{Read | OneShot, 0, sys.EV_ADD},
		{Read | Edge | OneShot, dispatch, sys.EV_ADD | dispatch},
		{Read | Edge | OneShot, 0, sys.EV_ADD},
	} {
		if got := addFlags(c.interest, c.dispatch); got != c.want {
			t.Errorf("%v with dispatch %#x: %#x, want %#x", c.interest, c.dispatch, got, c.want)
		}
	}
}

// One-shot means the registration: what the kernel has not disarmed by itself
// is left to do.
func TestToDisarm(t *testing.T) {
	const r, w, x = filterRead, filterWrite, filterExcept
	for _, c := range []struct {
		armed, fired  filters
		kernelDisarms bool
		want          filters
	}{
		{r, r, true, 0},
		{r, r, false, r},
		{r | w, r, true, w},
		{r | w, w, true, r},
		{r | w, r | w, true, 0},
		{r | w, r, false, r | w},
		{r | w | x, w, true, r | x},
		{r | w | x, w | x, false, r | w | x},
		{0, r, true, 0},
		{0, r, false, 0},
	} {
		if got := toDisarm(c.armed, c.fired, c.kernelDisarms); got != c.want {
			t.Errorf("armed %b, fired %b, kernel %v: %b, want %b", c.armed, c.fired, c.kernelDisarms, got, c.want)
		}
	}
}

func TestKqueueReady(t *testing.T) {
	for _, c := range []struct {
		filter filters
		flags  int
		fflags uint32
		want   Ready
	}{
		{filterRead, 0, 0, Readable},
		{filterRead, sys.EV_CLEAR, 0, Readable},
		{filterRead, sys.EV_EOF, 0, Readable | ReadClosed},
		{filterRead, sys.EV_EOF, 54, Readable | Writable | ReadClosed | Failed},
		{filterRead, 0, 54, Readable},
		{filterWrite, 0, 0, Writable},
		{filterWrite, sys.EV_EOF, 0, Writable | WriteClosed},
		{filterWrite, sys.EV_EOF, 61, Readable | Writable | WriteClosed | Failed},
		{filterExcept, 0, 2, PriorityReady},
		{filterExcept, sys.EV_EOF, 2, PriorityReady | Readable | ReadClosed},
		{filterRead, sys.EV_ERROR, 0, Readable | Writable | Failed},
		{filterWrite, sys.EV_ERROR | sys.EV_EOF, 0, Readable | Writable | Failed},
	} {
		if got := kqueueReady(c.filter, c.flags, c.fflags); got != c.want {
			t.Errorf("filter %b, flags %#x, fflags %d: %v, want %v", c.filter, c.flags, c.fflags, got, c.want)
		}
	}
}

func TestFilterNumbersAreTheirOwn(t *testing.T) {
	for _, f := range each {
		if f.number == sys.NoFilter {
			continue
		}
		if got := filterOf(f.number); got != f.bit {
			t.Errorf("filter %d is %b, want %b", f.number, got, f.bit)
		}
	}
	if got := filterOf(sys.EVFILT_USER); sys.EVFILT_USER != sys.NoFilter && got != 0 {
		t.Errorf("the user filter is taken for %b", got)
	}
}
