package poller

// What a wait reports: readiness.

import (
	"strconv"
	"strings"
)

// Ready says what a descriptor can do now. Readable and Writable are the ones
// to act on: the read or write that follows tells what really is the case, and
// every hang-up and error sets those of the two that will show it. They are
// therefore set even where only the other one was asked for. The closed and
// failed bits are hints beyond that; which of them a kernel reports, and how
// early, differs. None of them means that nothing is left to read.
type Ready uint8

// The bits of a Ready.
const (
	// Readable says that a read would not block: there is data, a connection,
	// end of file or an error.
	Readable Ready = 1 << iota
	// Writable says that a write would not block: there is room, or an error.
	Writable
	// PriorityReady says that there is what Priority asks for.
	PriorityReady
	// ReadClosed says that the other side has ended its sending. What it sent
	// before may still have to be read, up to end of file.
	ReadClosed
	// WriteClosed says that nothing can be sent any more. kqueue sets it after
	// a local shutdown of the write side too, Linux does not.
	WriteClosed
	// Failed says that an error is pending; the next read or write returns it.
	Failed
)

var readyNames = []string{"readable", "writable", "priority-ready", "read-closed", "write-closed", "failed"}

// String returns the bits by name, such as "readable|read-closed", or "none".
func (r Ready) String() string { return joinBits(uint8(r), readyNames) }

// Event is one report of Wait.
type Event struct {
	// Token is that of the registration.
	Token Token
	// Ready is never zero.
	Ready Ready
}

// Readable reports whether a read would not block.
func (e Event) Readable() bool { return e.Ready&Readable != 0 }

// Writable reports whether a write would not block.
func (e Event) Writable() bool { return e.Ready&Writable != 0 }

// PriorityReady reports whether there is what Priority asks for.
func (e Event) PriorityReady() bool { return e.Ready&PriorityReady != 0 }

// ReadClosed reports whether the other side has ended its sending; unread data
// may be left.
func (e Event) ReadClosed() bool { return e.Ready&ReadClosed != 0 }

// WriteClosed reports whether nothing can be sent any more.
func (e Event) WriteClosed() bool { return e.Ready&WriteClosed != 0 }

// Failed reports whether an error is pending.
func (e Event) Failed() bool { return e.Ready&Failed != 0 }

// joinBits names the bits of v from the lowest; those beyond names are given as
// one hexadecimal number.
func joinBits(v uint8, names []string) string {
	if v == 0 {
		return "none"
	}
	var parts []string
	for i, name := range names {
		if v&(1<<i) != 0 {
			parts = append(parts, name)
		}
	}
	if rest := v >> len(names) << len(names); rest != 0 {
		parts = append(parts, "0x"+strconv.FormatUint(uint64(rest), 16))
	}
	return strings.Join(parts, "|")
}
