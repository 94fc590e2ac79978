//go:build darwin || freebsd || netbsd || openbsd || dragonfly || (linux && simkernel)

package sys

// What is made of kevent(2): lists of changes with their results, and waits.

import "time"

// KeventApply makes all changes, each by itself, and leaves in each what became
// of it. It takes no events. It fails as a whole only if kq or the list is bad.
func KeventApply(kq int, changes []Kevent) Errno {
	if e := refuse(changes); e != 0 {
		return e
	}
	asked := remember(changes)
	e := apply(kq, changes)
	noted(kq, asked, changes)
	return e
}

func apply(kq int, changes []Kevent) Errno {
	if receipts {
		return applyAll(kq, changes)
	}
	return applyEach(kq, changes)
}

// applyAll demands a receipt of every change, so that the list is full of them and no
// event fits. The kernel allows one list for both.
func applyAll(kq int, changes []Kevent) Errno {
	for i := range changes {
		changes[i].demandReceipt()
	}
	_, e := kevent(kq, changes, changes, 0)
	return applied(e)
}

// applyEach serves kernels without receipts: where there is no place for events,
// a failed change is the result of the call.
func applyEach(kq int, changes []Kevent) Errno {
	for i := range changes {
		_, e := kevent(kq, changes[i:i+1], nil, 0)
		if e = applied(e); e != 0 {
			changes[i].Fail(e)
		}
	}
	return 0
}

// applied is the errno of a call with changes; after EINTR they are made.
func applied(e Errno) Errno {
	if e == EINTR {
		return 0
	}
	return e
}

// KeventWait fills events, which must not be empty, and returns how many it
// filled. A timeout below 0 waits without limit, 0 does not wait. EINTR is the
// caller's to handle, since only the caller knows the time left.
func KeventWait(kq int, events []Kevent, timeout time.Duration) (int, Errno) {
	if e := fault(CallKeventWait); e != 0 {
		return 0, e
	}
	n, e := kevent(kq, nil, events, timeout)
	return embellishNotes(kq, events, n, e)
}
