//go:build unix

package main

// What the system knows of this process, and its names for errors.

import (
	"errors"
	"math"
	"syscall"
	"time"
)

// descriptorLimit returns how many descriptors the process may have. That is
// the hard limit: Go raises the soft one to it (less one) before main begins.
func descriptorLimit() int {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return math.MaxInt
	}
	return int(min(uint64(lim.Cur), math.MaxInt32))
}

// cpuTime returns the processor time that the process has used, in user and
// system mode, all threads together.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func isAddressInUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }

func isAddressUnknown(err error) bool { return errors.Is(err, syscall.EADDRNOTAVAIL) }
