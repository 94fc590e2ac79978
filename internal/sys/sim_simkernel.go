//go:build linux && simkernel

package sys

// How a test drives the model kernel.

import "time"

// SimOptions are the sizes of a model kernel; 0 takes the default.
type SimOptions struct {
	SendBuffer, ReceiveBuffer int           // bytes that a socket holds
	Descriptors               int           // at most so many are open at once, else EMFILE
	ConnectTimeout            time.Duration // a connect that nobody answers ends then
}

// SimDescriptor is one open descriptor.
type SimDescriptor struct {
	FD   int
	What string
}

// SimReset replaces the kernel by a new one that is stepped.
func SimReset(seed uint64, o SimOptions) {}

// SimLive replaces the kernel by a new one that works by itself.
func SimLive() {}

// SimStep makes one delivery and reports whether there was one to make.
func SimStep() bool { return false }

// SimSettle makes all deliveries.
func SimSettle() {}

// SimInFlight returns how many sockets have something to be delivered.
func SimInFlight() int { return 0 }

// SimAdvance moves the clock.
func SimAdvance(d time.Duration) {}

// SimClock returns the time since SimReset.
func SimClock() time.Duration { return 0 }

// SimOpen returns the open descriptors by number.
func SimOpen() []SimDescriptor { return nil }

// SimLimit sets how many descriptors may be open.
func SimLimit(descriptors int) {}

// SimBreak ends the connection of fd with e on this side alone.
func SimBreak(fd int, e Errno) {}

// SimStall holds back what the socket sends, or lets it go.
func SimStall(fd int, on bool) {}

// SimIdle sets what is called when a wait would block.
func SimIdle(f func(timeout time.Duration) bool) {}
