package poller

// What a caller asks for: interests, and how often they are reported.

// Token is the caller's name for a registration, returned with each of its
// events. All 64 bits are the caller's, except that [ReservedToken] is refused.
type Token uint64

// ReservedToken is the one token that Add and Modify refuse: it marks the
// poller's own wake-up.
const ReservedToken Token = 1<<64 - 1

// Interest says which readiness of a descriptor is reported and how often.
//
// Without a mode bit a registration is level-triggered: it is reported by every
// Wait for as long as it is ready. [Edge] and [OneShot] change that.
//
// An interest without Read, Write and Priority keeps the registration and its
// token but asks for nothing. On Linux, hang-ups and errors of the descriptor
// may still be reported then, each change once; kqueue reports nothing.
type Interest uint8

// The bits of an Interest.
const (
	// Read asks for Readable: data, a connection to accept, end of file.
	Read Interest = 1 << iota
	// Write asks for Writable: room to send, a connect that has finished.
	Write
	// Priority asks for PriorityReady: on TCP, urgent data. FreeBSD and NetBSD
	// have nothing of the kind: there Add and Modify fail with
	// errors.ErrUnsupported.
	Priority
	// Edge reports a readiness when it arises, not while it lasts. What is not
	// read or written until EAGAIN is not reported again until something new
	// happens; something new on one side may report the other side again, so
	// events say "try", not "something changed".
	Edge
	// OneShot disarms the whole registration, all its interests, once an event
	// was reported. Modify arms it again. While it is disarmed nothing is
	// reported, not even a reset.
	OneShot
)

const allInterests = Read | Write | Priority | Edge | OneShot

var interestNames = []string{"read", "write", "priority", "edge", "oneshot"}

// String returns the bits by name, such as "read|write|edge", or "none".
func (i Interest) String() string { return joinBits(uint8(i), interestNames) }
