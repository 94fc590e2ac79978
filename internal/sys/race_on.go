//go:build race && !(linux && simkernel)

package sys

// What the race detector is told about calls that it cannot see, in the same
// way as package syscall does it: whatever was done before a send happens before
// what follows a receive, and the calls touch their buffers.

import (
	"runtime"
	"unsafe"
)

// transfers stands for all bytes on their way through the kernel.
var transfers int64

func raceSent(p []byte) {
	runtime.RaceReleaseMerge(unsafe.Pointer(&transfers))
	if len(p) > 0 {
		runtime.RaceReadRange(unsafe.Pointer(unsafe.SliceData(p)), len(p))
	}
}

func raceReceived(p []byte) {
	if len(p) > 0 {
		runtime.RaceWriteRange(unsafe.Pointer(unsafe.SliceData(p)), len(p))
	}
	runtime.RaceAcquire(unsafe.Pointer(&transfers))
}
