//go:build faultinject && (darwin || freebsd || netbsd || openbsd || dragonfly)

package sys

import "slices"

// notes are the filters of all queues of this process.
var notes notebook

func remember(changes []Kevent) []Kevent { return slices.Clone(changes) }

func noted(kq int, asked, done []Kevent) { notes.note(kq, asked, done) }

func unwatched(fd int) { notes.forget(fd) }

func signalAgain(fd int) { notes.signalAgain(fd) }

// embellishNotes is addEvents for a wait on kq, unless that failed.
func embellishNotes(kq int, events []Kevent, n int, e Errno) (int, Errno) {
	if e != 0 {
		return n, e
	}
	return addEvents(CallKeventWait, events, n, func() []Kevent { return notes.falseEvents(kq) }), 0
}
