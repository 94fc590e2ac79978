package poller

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"strconv"

	"github.com/eddyline/eddyline/internal/sys"
)

// Error is the type of every error of this package: which verb failed, on which
// descriptor and why. errors.Is sees through it to net.ErrClosed, os.ErrInvalid,
// fs.ErrExist, fs.ErrNotExist, errors.ErrUnsupported and the kernel's errno.
type Error struct {
	// Op is the verb: "new", "add", "modify", "delete", "wait", "wake" or "close".
	Op string
	// FD is the descriptor that add, modify and delete were given, else -1.
	FD int
	// Err is the cause; an *os.SyscallError where the kernel refused.
	Err error
}

const (
	opNew    = "new"
	opAdd    = "add"
	opModify = "modify"
	opDelete = "delete"
	opWait   = "wait"
	opWake   = "wake"
	opClose  = "close"

	noFD = -1
)

// Error returns a text such as "poller: add fd 7: epoll_ctl: file exists".
func (e *Error) Error() string {
	text := "poller: " + e.Op
	switch e.Op {
	case opAdd, opModify, opDelete:
		text += " fd " + strconv.Itoa(e.FD)
	}
	return text + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports that a descriptor number which is not open at all is as unknown to
// Modify and Delete as one that was never added: which errno a kernel gives for
// it depends on what it looks up first.
func (e *Error) Is(target error) bool {
	unknown := (e.Op == opModify || e.Op == opDelete) && errors.Is(e.Err, sys.EBADF)
	return unknown && target == fs.ErrNotExist
}

func closedError(op string, fd int) error {
	return &Error{Op: op, FD: fd, Err: net.ErrClosed}
}

func invalidError(op string, fd int) error {
	return &Error{Op: op, FD: fd, Err: os.ErrInvalid}
}

// failure is what the kernel's half of a poller returns: the system call and
// its errno, which is 0 for success.
type failure struct {
	call  sys.Call
	errno sys.Errno
}

func (f failure) wrap(op string, fd int) error {
	if f.errno == 0 {
		return nil
	}
	return &Error{Op: op, FD: fd, Err: os.NewSyscallError(string(f.call), f.errno)}
}
