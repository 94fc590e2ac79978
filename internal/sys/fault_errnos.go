//go:build unix && (faultinject || (linux && simkernel))

package sys

// What calls fail with in the tests under random faults: those errnos that a kernel
// really gives, in one place for all of them.

import "syscall"

var errnos = map[Call][]Errno{
	// Nobody hears of these: the call is made again, or the engine goes on without.
	WaitCall:   {EINTR},
	CallPoll:   {EINTR},
	CallClose:  {EINTR, syscall.EIO},
	CallAccept: {EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EPROTO},

	// These end a connection, or keep one from coming up.
	CallSocket:   {EMFILE},
	CallConnect:  {ENETUNREACH, EADDRNOTAVAIL},
	CallRecv:     {ECONNRESET, ETIMEDOUT, ENOMEM},
	CallSend:     {EPIPE, ECONNRESET, ENOBUFS},
	ChangeCall:   changeErrnos,
	CallShutdown: {ENOTCONN},
}

// Errnos is a choice of calls for [Rules], each with what it may fail with.
func Errnos(calls ...Call) map[Call][]Errno {
	chosen := make(map[Call][]Errno, len(calls))
	for _, c := range calls {
		list, ok := errnos[c]
		if !ok {
			panic("sys: nothing is known that " + string(c) + " fails with")
		}
		chosen[c] = list
	}
	return chosen
}
