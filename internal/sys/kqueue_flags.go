package sys

// What kqueue's flags mean is the same on all systems that have it. They are
// defined on every system so that the code which uses them is tested on all;
// the filters, whose numbers differ, are in kqueue_<system>.go.

// The actions and flags of a Kevent.
const (
	EV_ADD     = 0x1
	EV_DELETE  = 0x2
	EV_ENABLE  = 0x4
	EV_DISABLE = 0x8
	EV_CLEAR   = 0x20
	EV_ERROR   = 0x4000
	EV_EOF     = 0x8000
)

// NOTE_TRIGGER, in the filter flags, fires an EVFILT_USER.
const NOTE_TRIGGER = 0x1000000

// NoFilter stands for a filter that a system does not have. No kernel has this
// number, so that its use is EINVAL rather than something else.
const NoFilter = -0x7000
