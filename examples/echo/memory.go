package main

// How much memory the process has.

import (
	"bytes"
	"os"
	"runtime/debug"
	"strconv"
)

// residentMemory returns how much of the process is in memory, in bytes, from
// proc(5). Where there is no such file it is 0, unknown.
func residentMemory() int64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	return residentPages(statm) * int64(os.Getpagesize())
}

// residentPages finds in /proc/self/statm how many pages are in memory, 0 if it is not
// there.
func residentPages(statm []byte) int64 {
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 48) // an address has 64 bits, a page 12 at least
	if err != nil {
		return 0
	}
	return int64(pages)
}

// settledMemory is residentMemory without garbage, so that the difference of
// two is what lives.
func settledMemory() int64 {
	debug.FreeOSMemory()
	return residentMemory()
}
