package sys

// What of kqueue differs between systems. EVFILT_USER came with NetBSD 10;
// older kernels answer EINVAL. EV_RECEIPT and EV_DISPATCH are 0, which means to
// do without, since they are not in every NetBSD that Go runs on.
const (
	EVFILT_USER   = 8
	EVFILT_EXCEPT = NoFilter
	NOTE_OOB      = 0
	EV_RECEIPT    = 0
	EV_DISPATCH   = 0
)
