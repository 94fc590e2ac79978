//go:build linux && simkernel

package sys

// How a test drives the model kernel. At first it is live: as a machine that
// talks to itself, whose calls wait and take real time. SimReset makes it one that
// is stepped by a single goroutine.

import (
	"time"

	"github.com/eddyline/eddyline/internal/sim"
)

// SimOptions are the sizes of a model kernel; 0 takes the default.
type SimOptions struct {
	SendBuffer, ReceiveBuffer int           // bytes that a socket holds
	Descriptors               int           // at most so many are open at once, else EMFILE
	ConnectTimeout            time.Duration // a connect that nobody answers ends then
}

// SimDescriptor is one open descriptor, and what it refers to.
type SimDescriptor = sim.Descriptor

// SimReset replaces the kernel by an empty one that is stepped, and whose choices
// are those of seed. What was open is forgotten.
func SimReset(seed uint64, o SimOptions) {
	replace(seed, false, sim.Options{
		SendBuffer:     o.SendBuffer,
		ReceiveBuffer:  o.ReceiveBuffer,
		Descriptors:    o.Descriptors,
		ConnectTimeout: o.ConnectTimeout,
	})
	SimIdle(nil)
	SimPolled(nil)
}

// SimLive replaces the kernel by an empty one that is live.
func SimLive() { replace(0, true, sim.Options{Immediate: true}) }

// SimIdle sets what is called, by whoever waits, when nothing is ready and a
// stepped kernel's wait would block for timeout, below 0 for ever. It returns
// whether the wait shall look again. If not, time passes until the end of the wait,
// and one without end fails with EDEADLK. A nil f makes deliveries as long as there
// are any.
func SimIdle(f func(timeout time.Duration) bool) {
	machine.Lock()
	defer machine.Unlock()
	machine.idle = f
}

// SimPolled sets what is called when a wait of a poller that must not block has found
// nothing: polling takes time, which on a stepped kernel passes here. A nil f does nothing.
func SimPolled(f func()) {
	machine.Lock()
	defer machine.Unlock()
	machine.polled = f
}

// SimWaits allows n waits more of the poller; those after them fail with EDEADLK. So one
// that is told for ever of what it drops comes to an end.
func SimWaits(n int) {
	machine.Lock()
	defer machine.Unlock()
	machine.waits = n
}

// SimLook tells what fd is ready for, as Poll does, and leaves no trace of having asked.
func SimLook(fd int, events int16) int16 {
	return int16(locked(func(k *sim.Kernel) sim.Events { return k.Look(fd, sim.Events(events)) }))
}

// SimStep makes one delivery of the network and reports whether there was one to
// make.
func SimStep() bool { return locked((*sim.Kernel).Step) }

// SimSettle makes all deliveries.
func SimSettle() {
	for SimStep() {
	}
}

// SimWatched tells whether an epoll or a kqueue watches what fd refers to, by whatever
// number.
func SimWatched(fd int) bool {
	return locked(func(k *sim.Kernel) bool { return k.Watched(fd) })
}

// SimInFlight returns for how many sockets something can be delivered.
func SimInFlight() int { return locked((*sim.Kernel).InFlight) }

// SimAdvance moves the clock of a stepped kernel.
func SimAdvance(d time.Duration) {
	machine.Lock()
	defer machine.Unlock()
	machine.kernel.Advance(d)
}

// SimClock returns the time of a stepped kernel since SimReset.
func SimClock() time.Duration { return locked((*sim.Kernel).Now) }

// SimOpen returns the open descriptors by number.
func SimOpen() []SimDescriptor { return locked((*sim.Kernel).Open) }

// SimOpened returns how many descriptors are open.
func SimOpened() int { return locked((*sim.Kernel).Opened) }

// SimLimit sets how many descriptors may be open.
func SimLimit(descriptors int) {
	machine.Lock()
	defer machine.Unlock()
	machine.kernel.Limit(descriptors)
}

// SimBreak ends the TCP connection of fd with e on this side alone.
func SimBreak(fd int, e Errno) Errno {
	return locked(func(k *sim.Kernel) Errno { return Errno(k.Break(fd, sim.Errno(e))) })
}

// SimStall holds back what the TCP socket sends, or lets it go.
func SimStall(fd int, on bool) Errno {
	return locked(func(k *sim.Kernel) Errno { return Errno(k.Stall(fd, on)) })
}

// SimUnstall lets everything go that SimStall holds back, of closed sockets too.
func SimUnstall() {
	machine.Lock()
	defer machine.Unlock()
	machine.kernel.Unstall()
}

// SimUnread returns how many bytes a socket would give to Recv, and changes
// nothing.
func SimUnread(fd int) (int, Errno) {
	machine.Lock()
	defer machine.Unlock()
	n, e := machine.kernel.Unread(fd)
	return n, Errno(e)
}

// SimSendRights is Send with descriptors, which no receiver takes.
func SimSendRights(fd int, p []byte) (int, Errno) {
	machine.Lock()
	defer machine.Unlock()
	n, e := machine.kernel.SendRights(fd, p)
	return n, Errno(e)
}

// SimStrays returns how many calls were made on descriptors that were not open.
func SimStrays() int { return locked((*sim.Kernel).Strays) }

// SimLingers returns how many closes would have waited, as SO_LINGER says.
func SimLingers() int { return locked((*sim.Kernel).Lingers) }
