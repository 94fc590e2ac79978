//go:build faultinject || (linux && simkernel)

package sys

// What may be done to each call: the one place that a new call needs besides its
// name. The tests under random faults choose by class, and have it then.

// Class is a set of ways in which calls fail at random, by who hears of it.
type Class uint8

const (
	Mild     Class = 1 << iota // nobody: the call is made again, or the engine goes on without
	Starting                   // a connection does not come up
	Steering                   // a connection ends, by a call that it makes now and then
	Moving                     // a connection ends, by a call that moves its bytes
	Blocking                   // nobody: what blocks on a Stream goes on
)

// trait is what a call can suffer, besides being late and failing with what a test
// says, which all can.
type trait struct {
	class   Class   // how it fails at random, 0 if it does not
	errnos  []Errno // with what then, of what a kernel really gives
	makes   int     // descriptors: it fails when so many are not left
	moves   int     // bytes: a short one moves so many at least, if it was to; 0 moves none
	blocks  bool    // it may say that it would block
	retried bool    // it is made again when a signal has interrupted it
	events  bool    // it reports events, which may come twice or for nothing
}

// The bytes that a kernel moves at once or not at all.
const (
	counterSize = 8   // eventfd(2)
	pipeAtom    = 512 // PIPE_BUF, on every system at least
)

// traits has a row for every call.
var traits = map[Call]trait{
	CallAccept: {class: Mild, errnos: []Errno{EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EPROTO},
		makes: 1, retried: true},
	CallBind:        {},
	CallChmod:       {},
	CallClose:       {class: Mild, errnos: []Errno{EINTR, EIO}},
	CallConnect:     {class: Starting, errnos: []Errno{ENETUNREACH, EADDRNOTAVAIL}},
	CallDup:         {makes: 1},
	CallEpollCreate: {makes: 1},
	CallEpollCtl:    {class: Steering, errnos: []Errno{ENOMEM, ENOSPC}},
	CallEpollWait:   {class: Mild, errnos: []Errno{EINTR}, events: true},
	CallEventfd:     {makes: 1},
	CallFcntl:       {},
	CallGetpeername: {},
	CallGetsockname: {},
	CallGetsockopt:  {},
	CallIoctl:       {},
	CallKevent:      {class: Steering, errnos: []Errno{ENOMEM}},
	CallKeventWait:  {class: Mild, errnos: []Errno{EINTR}, events: true},
	CallKqueue:      {makes: 1},
	CallListen:      {},
	CallPipe:        {makes: 2},
	CallPoll:        {class: Blocking, errnos: []Errno{EINTR}},
	CallRead:        {moves: counterSize, retried: true},
	CallRecv: {class: Moving, errnos: []Errno{ECONNRESET, ETIMEDOUT, ENOMEM},
		moves: 1, blocks: true, retried: true},
	CallSend: {class: Moving, errnos: []Errno{EPIPE, ECONNRESET, ENOBUFS},
		moves: 1, blocks: true, retried: true},
	CallSetsockopt: {},
	CallShutdown:   {class: Steering, errnos: []Errno{ENOTCONN}},
	CallSocket:     {class: Starting, errnos: []Errno{EMFILE}, makes: 1},
	CallSocketpair: {makes: 2},
	CallStat:       {},
	CallUnlink:     {},
	CallWrite:      {moves: pipeAtom, retried: true},
}

// Errnos are the calls of a class, each with what it may fail with, for [Rules]. Of
// epoll and kqueue only the calls of the poller under test are among them.
func Errnos(of Class) map[Call][]Errno {
	chosen := map[Call][]Errno{}
	for c, t := range traits {
		if t.class&of != 0 && !c.elsewhere() {
			chosen[c] = t.errnos
		}
	}
	return chosen
}
