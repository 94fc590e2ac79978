//go:build linux && !simkernel

package loop

// The simulated world on the real kernel: its network delivers by itself, and its
// clock goes on. What happens when is then not the seed's choice alone, so a run
// is checked, but cannot be had again.

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/internal/sys"
)

const (
	simDefaultRuns  = 40
	simDefaultTurns = 300
	// simTimeUnit is the shortest of the configured time limits.
	simTimeUnit = time.Millisecond
	// simPatience is added to the time in which a run must come to its end: nothing is
	// promised of how much of the time passes while others have the processor.
	simPatience = time.Minute
	// simRepeats tells whether the same options do the same again.
	simRepeats = false
	// simTags is how those of the build begin: there may be some.
	simTags = ""
)

// simPath is where the engine listens on a unix socket.
var simPath = filepath.Join(os.TempDir(), fmt.Sprintf("eddyline-sim-%d", os.Getpid()))

func (w *simWorld) beginKernel() (descriptors int) {
	w.o.without |= simBreaks | simBlocks | simScarce | simCrowds
	return simDescriptors()
}

func (w *simWorld) endKernel() { w.abandon() }

func (w *simWorld) calmKernel() {}

func (w *simWorld) allowWaits() {}

// stepNetwork lets the network deliver something; it tells whether it did.
func (w *simWorld) stepNetwork(int) bool { return false }

// pass lets time pass.
func (w *simWorld) pass(d time.Duration) { time.Sleep(min(d, simTimeUnit/2)) }

func (w *simWorld) breakSomething() {}

// pollerReady cannot tell here.
func (w *simWorld) pollerReady(*Loop) bool { return true }

// simDescriptors is how many descriptors are open.
func simDescriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(entries)
}

func simDescriptorList() string { return "" }

// silent is an address that never answers. The machine has none that would not take for
// ever, or leave it: it refuses at once.
func (w *simWorld) silent() sys.Sockaddr { return w.nobody }

// simUnread is how many bytes wait to be received. It takes no pending error away,
// as a receive would.
func simUnread(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

// checkDescriptors cannot tell here which descriptors are the test's own.
func (w *simWorld) checkDescriptors() {}

// checkStrays cannot tell here what the calls of others were made on.
func (w *simWorld) checkStrays() {}

// simReady tells what a socket is ready for, as far as that says what the engine
// has been told of: here the event may be on its way.
func simReady(int) (readable, writable bool) { return false, false }

// simLook tells what a descriptor is ready for, in the bits of poll(2).
func simLook(fd int) int16 {
	fds := [1]sys.PollFd{{Fd: int32(fd), Events: sys.POLLIN | sys.POLLOUT}}
	if _, e := sys.Poll(fds[:], 0); e != 0 {
		return 0
	}
	return fds[0].Revents
}

// simSendRights sends with a descriptor.
func simSendRights(fd int, p []byte) (int, sys.Errno) {
	const flags = unix.MSG_NOSIGNAL | unix.MSG_DONTWAIT
	n, err := unix.SendmsgN(fd, p, unix.UnixRights(fd), nil, flags)
	var e sys.Errno
	errors.As(err, &e)
	return max(n, 0), e
}

// simWatched cannot tell here.
func simWatched(int) bool { return false }

// simBegin begins a script, and returns what ends it.
func simBegin(uint64) (end func()) { return func() {} }

// simDeliver lets the network deliver all that is under way.
func simDeliver() {}
