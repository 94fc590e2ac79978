package poller

// The meaning of kqueue's filters and flags, in both directions, and the rules
// that make them behave like epoll's. Pure functions: they are tested everywhere.

import "github.com/eddyline/eddyline/internal/sys"

// filters is a set of kqueue filters. kqueue has one registration for each
// filter of a descriptor where epoll has one for the descriptor.
type filters uint8

const (
	filterRead filters = 1 << iota
	filterWrite
	filterExcept
)

// each lists the filters one by one, with the kernel's number and flags.
var each = [...]struct {
	bit    filters
	number int
	fflags uint32
}{
	{filterRead, sys.EVFILT_READ, 0},
	{filterWrite, sys.EVFILT_WRITE, 0},
	{filterExcept, sys.EVFILT_EXCEPT, sys.NOTE_OOB},
}

// wantedFilters returns the filters that an interest needs.
func wantedFilters(i Interest) filters {
	var f filters
	if i&Read != 0 {
		f |= filterRead
	}
	if i&Write != 0 {
		f |= filterWrite
	}
	if i&Priority != 0 {
		f |= filterExcept
	}
	return f
}

// heldFilters returns the filters that stand in the kernel for an interest. It
// is never empty: an interest in nothing is a disabled read filter, so that the
// kernel always knows whether the descriptor is still the one that was added.
func heldFilters(i Interest) filters {
	if f := wantedFilters(i); f != 0 {
		return f
	}
	return filterRead
}

// addFlags returns the flags with which the filters of an interest are added.
// dispatch is the kernel's EV_DISPATCH, or 0 where there is none.
//
// EV_DISPATCH and not EV_ONESHOT: it leaves the filter in the kernel, disabled,
// as epoll leaves the descriptor. An edge means nothing to a one-shot event.
func addFlags(i Interest, dispatch int) int {
	if i&OneShot != 0 {
		return sys.EV_ADD | dispatch
	}
	if i&Edge != 0 {
		return sys.EV_ADD | sys.EV_CLEAR
	}
	return sys.EV_ADD
}

// toDisarm returns the filters of a one-shot registration that must be disabled
// after those in fired were reported: all that were armed, except those which
// the kernel has disabled by itself.
func toDisarm(armed, fired filters, kernelDisarms bool) filters {
	if kernelDisarms {
		return armed &^ fired
	}
	return armed
}

// kqueueReady translates an event. EV_EOF tells of the filter's own direction
// only; an error, which a socket gives along with it, is shown by both.
func kqueueReady(filter filters, flags int, fflags uint32) Ready {
	if flags&sys.EV_ERROR != 0 {
		return Readable | Writable | Failed
	}
	var r Ready
	switch filter {
	case filterRead:
		r = Readable
	case filterWrite:
		r = Writable
	case filterExcept:
		r = PriorityReady
	}
	if flags&sys.EV_EOF == 0 {
		return r
	}
	switch filter {
	case filterRead, filterExcept:
		r |= Readable | ReadClosed
	case filterWrite:
		r |= WriteClosed
	}
	// The filter flags of an out-of-band event are its own, not an error.
	if fflags != 0 && filter != filterExcept {
		r |= Readable | Writable | Failed
	}
	return r
}

// filterOf returns the filter with the kernel's number, 0 if it is none of ours.
func filterOf(number int) filters {
	for _, f := range each {
		if f.number == number {
			return f.bit
		}
	}
	return 0
}
