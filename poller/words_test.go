package poller

// The texts of interests, readiness and errors, and the event's methods.

import (
	"errors"
	"io/fs"
	"net"
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
)

func TestInterestString(t *testing.T) {
	for i, want := range map[Interest]string{
		0:                   "none",
		Read:                "read",
		Read | Write | Edge: "read|write|edge",
		Priority | OneShot:  "priority|oneshot",
		allInterests:        "read|write|priority|edge|oneshot",
		Write | 0x40:        "write|0x40",
		1<<8 - 1:            "read|write|priority|edge|oneshot|0xe0",
	} {
		if got := i.String(); got != want {
			t.Errorf("%#x: %q, want %q", uint8(i), got, want)
		}
	}
}

func TestReadyStringAndMethods(t *testing.T) {
	bits := []struct {
		bit  Ready
		name string
		has  func(Event) bool
	}{
		{Readable, "readable", Event.Readable},
		{Writable, "writable", Event.Writable},
		{PriorityReady, "priority-ready", Event.PriorityReady},
		{ReadClosed, "read-closed", Event.ReadClosed},
		{WriteClosed, "write-closed", Event.WriteClosed},
		{Failed, "failed", Event.Failed},
	}
	all := Ready(0)
	for i, b := range bits {
		if got := b.bit.String(); got != b.name {
			t.Errorf("%q, want %q", got, b.name)
		}
		for j, other := range bits {
			if got := b.has(Event{Ready: other.bit}); got != (i == j) {
				t.Errorf("%s of %s: %v", b.name, other.name, got)
			}
		}
		all |= b.bit
	}
	if got, want := all.String(), "readable|writable|priority-ready|read-closed|write-closed|failed"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := Ready(0).String(); got != "none" {
		t.Errorf("%q", got)
	}
}

func TestErrorNamesOperationDescriptorAndCause(t *testing.T) {
	for want, err := range map[string]error{
		"poller: add fd 7: use of closed network connection":   closedError(opAdd, 7),
		"poller: delete fd -3: invalid argument":               invalidError(opDelete, -3),
		"poller: wait: use of closed network connection":       closedError(opWait, noFD),
		"poller: modify fd 0: epoll_ctl: " + sys.EPERM.Error(): failure{sys.CallEpollCtl, sys.EPERM}.wrap(opModify, 0),
		"poller: new: kqueue: " + sys.EMFILE.Error():           failure{sys.CallKqueue, sys.EMFILE}.wrap(opNew, noFD),
	} {
		if got := err.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if err := (failure{sys.CallEpollCtl, 0}).wrap(opAdd, 1); err != nil {
		t.Errorf("no failure is %v", err)
	}
}

func TestErrorMatchesItsCause(t *testing.T) {
	bad := failure{sys.CallEpollCtl, sys.EBADF}
	for _, c := range []struct {
		err    error
		target error
		want   bool
	}{
		{closedError(opWait, noFD), net.ErrClosed, true},
		{closedError(opModify, 1), fs.ErrNotExist, false},
		{bad.wrap(opAdd, 1), fs.ErrNotExist, false},
		{bad.wrap(opModify, 1), fs.ErrNotExist, true},
		{bad.wrap(opDelete, 1), fs.ErrNotExist, true},
		{bad.wrap(opDelete, 1), sys.EBADF, true},
		{bad.wrap(opDelete, 1), fs.ErrExist, false},
		{failure{sys.CallKevent, sys.ENOMEM}.wrap(opModify, 1), fs.ErrNotExist, false},
		{failure{"poller", sys.ENOSYS}.wrap(opNew, noFD), errors.ErrUnsupported, true},
	} {
		if got := errors.Is(c.err, c.target); got != c.want {
			t.Errorf("errors.Is(%v, %v) = %v", c.err, c.target, got)
		}
	}
}
