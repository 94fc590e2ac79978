//go:build (!faultinject && (darwin || freebsd || netbsd || openbsd || dragonfly)) || (linux && simkernel)

package sys

// remember keeps a list of changes as they are asked for, and noted is told what became
// of them; embellishNotes may add events to the n that a wait found unless it failed. The
// compiler removes them here. The model of the kernel has notes of its own.
func remember([]Kevent) []Kevent { return nil }

func noted(int, []Kevent, []Kevent) {}

func embellishNotes(_ int, _ []Kevent, n int, e Errno) (int, Errno) { return n, e }
