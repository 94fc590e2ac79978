package loop

// The errors that a caller or a handler can match with errors.Is.

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/stream"
)

var (
	// ErrBackpressure is returned by a write that would exceed MaxPending and by
	// Post or a Ref past MaxTasks or MaxTaskBytes. Nothing was taken: try again
	// later; for a write, OnDrain tells when, and OnData is offered again what it
	// left.
	ErrBackpressure = errors.New("loop: too much is queued already")
	// ErrMaxInbound closes a connection whose handler left MaxInbound bytes
	// unconsumed.
	ErrMaxInbound = errors.New("loop: the handler left too much input unconsumed")
	// ErrRefused is the outcome of a dial whose Protocol returned no Handler.
	ErrRefused = errors.New("loop: the Protocol refused the connection")
	// ErrMaxConns is the outcome of a dial or an Adopt at MaxConns.
	ErrMaxConns = errors.New("loop: too many connections")
	// ErrAborted is what OnClose hears after Abort.
	ErrAborted = errors.New("loop: connection aborted")
	// ErrDetached is what OnClose hears after Detach: the connection lives on,
	// but not in this engine.
	ErrDetached = errors.New("loop: connection detached")
	// ErrPanic closes a connection one of whose callbacks panicked. The error
	// that OnClose hears is a [*PanicError], which matches it.
	ErrPanic = errors.New("loop: callback panicked")
	// ErrCount closes a connection whose OnData said that it consumed fewer than
	// no bytes, or more than it was offered.
	ErrCount = errors.New("loop: OnData consumed an impossible number of bytes")
)

// PanicError says what a callback panicked with. errors.Is(err, ErrPanic)
// holds for it, and errors.As reaches a value that was itself an error.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // the goroutine's stack at that time, as from debug.Stack
}

// Error names the value, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("%v: %v", ErrPanic, e.Value) }

// Unwrap makes ErrPanic and the value, where that is an error, matchable.
func (e *PanicError) Unwrap() []error {
	if err, ok := e.Value.(error); ok {
		return []error{ErrPanic, err}
	}
	return []error{ErrPanic}
}

// connError is the error of a system call on a connection, in the form that
// package net uses.
func (c *Conn) connError(op string, call sys.Call, errno sys.Errno) error {
	return c.opError(op, os.NewSyscallError(string(call), errno))
}

func (c *Conn) opError(op string, err error) error {
	e := &net.OpError{Op: op, Net: c.peer.Network(), Err: err}
	if c.peer != (stream.Addr{}) {
		e.Addr = c.peer
	}
	return e
}
