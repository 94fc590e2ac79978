// Package sys is the kernel seam: every system call that does I/O, one thin
// function each, with the kernel's errno as it came. What a call means, how it
// is retried after would-block and what its error text says is decided above.
//
// On Linux the calls that cannot block (receive, send and accept on nonblocking
// descriptors, epoll_ctl, epoll_wait with timeout 0) enter the kernel without
// telling the Go scheduler, which saves about a fifth of a small echo. Such a
// call cannot be preempted, so its size is bounded by [MaxTransfer].
package sys

// MaxTransfer is the most bytes that one call moves: a call made without the
// scheduler's knowledge holds up the garbage collector until it returns.
const MaxTransfer = 1 << 20

// MaxVec is the most slices that one vectored call takes. It is below every
// kernel's IOV_MAX (1,024 on Linux), so a long list cannot be EINVAL.
const MaxVec = 64

// Call names a system call, as in the text of an error and in a fault rule.
type Call string

// The system calls of this package.
const (
	CallAccept      Call = "accept"
	CallBind        Call = "bind"
	CallChmod       Call = "chmod"
	CallClose       Call = "close"
	CallConnect     Call = "connect"
	CallDup         Call = "dup"
	CallEpollCreate Call = "epoll_create1"
	CallEpollCtl    Call = "epoll_ctl"
	CallEpollWait   Call = "epoll_wait"
	CallEventfd     Call = "eventfd"
	CallFcntl       Call = "fcntl"
	CallGetpeername Call = "getpeername"
	CallGetsockname Call = "getsockname"
	CallGetsockopt  Call = "getsockopt"
	CallIoctl       Call = "ioctl"
	CallKevent      Call = "kevent"
	CallKeventWait  Call = "kevent wait" // in fault rules, where kevent is for changes alone
	CallKqueue      Call = "kqueue"
	CallListen      Call = "listen"
	CallPipe        Call = "pipe"
	CallPoll        Call = "poll"
	CallRead        Call = "read"
	CallRecv        Call = "recv"
	CallSend        Call = "send"
	CallSetsockopt  Call = "setsockopt"
	CallShutdown    Call = "shutdown"
	CallSocket      Call = "socket"
	CallSocketpair  Call = "socketpair"
	CallStat        Call = "stat"
	CallUnlink      Call = "unlink"
	CallWrite       Call = "write"
)
