package stream

// The errors of this package and the form they are given.

import (
	"errors"
	"net"
	"os"

	"github.com/eddyline/eddyline/internal/sys"
)

// ErrWouldBlock says that a nonblocking call has nothing to do now: no data to
// read, no room to write, no connection to accept, a connect still under way.
// Try again when a poller reports the descriptor ready. It is always this very
// value, so == is enough; it wraps nothing, and it is not a time-out (the
// EAGAIN of package syscall says of itself that it is one).
var ErrWouldBlock = errors.New("stream: operation would block")

// ErrNotUTF8 is what ReadToString ends with when the input is not valid UTF-8,
// wrapped in a [*net.OpError]. The input is still there to be read.
var ErrNotUTF8 = errors.New("input is not valid UTF-8")

// opError is the error of operation op on an address.
func opError(op string, addr Addr, err error) error {
	e := &net.OpError{Op: op, Net: addr.Network(), Err: err}
	if addr.IsValid() {
		e.Addr = addr
	}
	return e
}

// callError is opError for a system call that failed.
func callError(op string, addr Addr, call sys.Call, errno sys.Errno) error {
	return opError(op, addr, os.NewSyscallError(string(call), errno))
}

// deadlineError is os.ErrDeadlineExceeded for which errors.Is also finds the
// context's own error.
type deadlineError struct{ context error }

func (e deadlineError) Error() string   { return os.ErrDeadlineExceeded.Error() }
func (e deadlineError) Unwrap() []error { return []error{os.ErrDeadlineExceeded, e.context} }
func (e deadlineError) Timeout() bool   { return true }
func (e deadlineError) Temporary() bool { return true }
