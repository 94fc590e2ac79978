package stream_test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain holds the whole suite to one promise: when the tests are over, no
// goroutine and no descriptor is left that was not there before.
func TestMain(m *testing.M) {
	startRuntimeDescriptors()
	before := openDescriptors()
	code := m.Run()
	if code == 0 {
		code = findLeaks(before)
	}
	os.Exit(code)
}

func findLeaks(before int) int {
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, "goroutines left:", err)
		return 1
	}
	for range 100 {
		// A Stream that a test dropped on purpose closes itself when it is collected.
		runtime.GC()
		if openDescriptors() <= before {
			return 0
		}
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Fprintf(os.Stderr, "descriptors left: %d at the start, %d at the end\n", before, openDescriptors())
	return 1
}

// startRuntimeDescriptors makes package net open what it keeps for the life of
// the process (its own poller), so that it is not counted as a leak.
func startRuntimeDescriptors() {
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close()
	}
}

// openDescriptors is how many descriptors this process has open, or -1 where
// the system does not tell.
func openDescriptors() int {
	for _, dir := range []string{"/proc/self/fd", "/dev/fd"} {
		if entries, err := os.ReadDir(dir); err == nil {
			return len(entries)
		}
	}
	return -1
}
