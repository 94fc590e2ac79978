//go:build !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package sys

// A Kevent without a kernel, so that what is built on kqueue is tested here too.

// The filters, by the numbers that macOS gives them.
const (
	EVFILT_READ   = -1
	EVFILT_WRITE  = -2
	EVFILT_USER   = -10
	EVFILT_EXCEPT = -15
	NOTE_OOB      = 2
	EV_RECEIPT    = 0x40
	EV_DISPATCH   = 0x80
)

// Kevent is one change or one event.
type Kevent struct {
	ident  int
	filter int
	flags  int
	fflags uint32
	data   uint32
	errno  Errno
}

// Set makes k a change. The data are returned with each of its events.
func (k *Kevent) Set(ident, filter, flags int, fflags, data uint32) {
	*k = Kevent{ident: ident, filter: filter, flags: flags, fflags: fflags, data: data}
}

// Ident returns the descriptor.
func (k *Kevent) Ident() int { return k.ident }

// Filter returns the filter.
func (k *Kevent) Filter() int { return k.filter }

// Flags returns the actions and flags.
func (k *Kevent) Flags() int { return k.flags }

// Fflags returns the flags that belong to the filter; with EV_EOF, a socket's error.
func (k *Kevent) Fflags() uint32 { return k.fflags }

// Data returns the 32 bits given to Set.
func (k *Kevent) Data() uint32 { return k.data }

// Errno returns what became of a change after KeventApply.
func (k *Kevent) Errno() Errno { return k.errno }

// Fail sets what Errno returns.
func (k *Kevent) Fail(e Errno) { k.flags |= EV_ERROR; k.errno = e }
