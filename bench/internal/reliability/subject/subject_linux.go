// Package subject is the server that the fault table does its faults to: a child
// process that serves an echo with this engine or with another one, watches what
// its engine calls in which order, and accounts for itself when asked.
package subject

import (
	"context"
	"slices"
	"syscall"
	"time"
)

// Role is the name under which a program offers Child to package child.
const Role = "subject"

// Own is the name of this engine among the servers.
const Own = "eddyline"

// Serve is one way to serve an echo: it listens on addr, calls ready once with the
// address it got, and serves until ctx ends; then it returns nil.
type Serve func(ctx context.Context, addr string, ready func(addr string)) error

// Config is what a row wants of the server.
type Config struct {
	Server   string   `json:"server"`
	Addr     string   `json:"addr"`     // to listen on; "" is a free port of 127.0.0.1
	Files    uint64   `json:"files"`    // limit of descriptors; 0 leaves it
	NetNS    string   `json:"netns"`    // file of the network namespace to live in
	Hosts    string   `json:"hosts"`    // file that is to be /etc/hosts in there
	Image    bool     `json:"image"`    // become the program in descriptor 4
	Protocol Protocol `json:"protocol"` // of this engine; others echo

	// Of this engine alone.
	Loops    int           `json:"loops"` // 0 is 1
	MaxTasks int           `json:"max_tasks"`
	Limit    time.Duration `json:"limit"`  // the time limit that the protocol is about
	Linger   time.Duration `json:"linger"` // LingerTimeout
	Budget   int           `json:"budget"` // ReadBudget, and twice ReadBuffer
}

// Protocol is what this engine serves.
type Protocol string

// The protocols.
const (
	Echo     Protocol = ""         // every byte comes back
	Watched  Protocol = "watched"  // the same by a handler that has every callback, where faults can be armed
	Late     Protocol = "late"     // Reply bytes, Limit after the end of a Question
	Tail     Protocol = "tail"     // Reply bytes and Close at the first input, whatever else comes
	Requests Protocol = "requests" // a line comes back; each must be whole within Limit
	Flock    Protocol = "flock"    // an echo; asked to, it does something to all connections at once
	Frames   Protocol = "frames"   // Frame bytes come back when they are all there
	Resets   Protocol = "resets"   // an echo that tells all resets as one cause
	Answers  Protocol = "answers"  // Resets, with Reply bytes at the end of the input instead of Close
	Rivals   Protocol = "rivals"   // an echo whose connections end one another, see the op "strike"
)

// Reply is the number of bytes in which protocols answer that do not echo. They are
// the beginning of stream 0.
const Reply = 1 << 20

// Question is the number of bytes that Late wants before the end of its input, after
// one byte that says of which stream they are.
const Question = 256 << 10

// Frame is the number of bytes that Frames wants whole.
const Frame = 64 << 10

// ready is a server's first reply.
type ready struct {
	Addr   string `json:"addr"`
	Before Before `json:"before"`
}

// Before is what a server had when it was about to make its engine: what must be left
// when that has ended.
type Before struct {
	Descriptors int `json:"descriptors"`
	Goroutines  int `json:"goroutines"`
}

// Mark is a server's account of itself.
type Mark struct {
	Goroutines int    `json:"goroutines"`
	Ended      bool   `json:"ended"`  // it does not serve any more
	Err        string `json:"why"`    // with what error
	Memory     int64  `json:"memory"` // the limit that is in force
	CPU        CPU    `json:"cpu"`
	Report     Report `json:"report"`
}

// CPU is the processor time that the server has had at its disposal, and what of it the
// collection of garbage took, both as of the last one, in seconds.
type CPU struct {
	All float64 `json:"all"`
	GC  float64 `json:"gc"`
}

// Report is what the watching handlers of this engine saw.
type Report struct {
	Opened int            `json:"opened"` // handlers made
	Closed int            `json:"closed"` // OnClose heard
	Echoed int64          `json:"echoed"` // bytes that the engine took as answers
	Wrong  []string       `json:"wrong"`  // callbacks out of order
	Causes map[string]int `json:"causes"` // what OnClose heard, how often
	Fired  []Fired        `json:"fired"`  // faults that were armed and happened
	Panics uint64         `json:"panics"`
	Pauses uint64         `json:"pauses"` // of listeners
	Turns  uint64         `json:"turns"`  // of loops
	Late   []string       `json:"late"`   // timers that fired early or twice
	Within []string       `json:"within"` // peers that were accepted in a batch in which Rivals had ended others
	Dials  int            `json:"dials"`
	Done   int            `json:"done"` // outcomes of dials
}

// Arm tells a Watched server to do something in a callback of the next connection,
// once, or any in one of Functions, to the newest connection.
type Arm struct {
	Callback string `json:"callback"`
	Action   Action `json:"action"`
}

// Resets reports whether the connection that something is done to ends by a panic.
func (a Arm) Resets() bool {
	own := a.Callback == "Ref.Do" || slices.Contains(Callbacks, a.Callback) && a.Callback != "OnClose"
	return own && a.Action.Panics()
}

// Heard reports whether an OnClose hears of a panic. Of one in Protocol nobody does;
// of those around a dial the connection that was dialed does.
func (a Arm) Heard() bool {
	dialed := a.Callback == "OnOpen of a dial" || a.Callback == "done of a dial"
	return a.Action.Panics() && dialed || a.Resets() && a.Callback != "Protocol"
}

// Fired is an armed action that was done.
type Fired struct {
	Arm
	Err string `json:"said"`         // what the engine said to it
	End *End   `json:"end,omitzero"` // of the connection that it was done to, once OnClose has been heard
}

// End is how a connection ended.
type End struct {
	Cause string `json:"cause"` // that OnClose heard
	Wrote int    `json:"wrote"` // bytes of the echo that the engine took
}

// Action is what is done in a callback.
type Action string

// The actions.
const (
	Panic      Action = "panic"
	Goexit     Action = "goexit"
	Block      Action = "block" // until the op "release"
	Close      Action = "close"
	Abort      Action = "abort"
	Write      Action = "write" // Marker
	CloseWrite Action = "closewrite"
	Deadlines  Action = "deadlines" // all of them, past ones, then cleared, then one that has passed
	Shutdown   Action = "shutdown"  // the engine's, from a goroutine, as it must be
	EndNow     Action = "endnow"    // the engine's Close
)

// Panics reports whether the callback does not return.
func (a Action) Panics() bool { return a == Panic || a == Goexit }

// Deadline is the cause, among those that OnClose heard, of all that match
// os.ErrDeadlineExceeded.
const Deadline = "deadline"

// Connected, CalledOff and Closed are outcomes of dials; others are Deadline and the
// names of what the kernel said.
const (
	Connected = "connected"
	CalledOff = "called off" // the cause with which the context ended
	Closed    = "closed"     // the engine has ended
)

// Reset is the cause, among those that OnClose heard, of all resets that Resets heard
// of.
const Reset = "reset"

// Panicked is the cause of all that are a *loop.PanicError.
const Panicked = "panic"

// Marker is what the action Write sends.
const Marker = "<<<< a write from within a callback >>>>"

// Callbacks are those of a Watched server, in an order in which they happen.
var Callbacks = []string{"Protocol", "OnOpen", "OnData", "OnDrain", "OnTimeout", "OnEOF", "OnShutdown", "OnClose"}

// Functions are those that the engine calls besides.
var Functions = []string{"Ref.Do", "Post", "AfterFunc", "Every", "Register", "OnOpen of a dial", "done of a dial"}

// SetDeadline asks for a deadline of the newest connection.
type SetDeadline struct {
	Write bool   `json:"write"` // not the read deadline
	To    string `json:"to"`    // "past", "epoch", "now", "zero", "cleared" after it was Soon, "maximal" or "far"
}

// Soon is how far off a deadline is that is cleared.
const Soon = 100 * time.Millisecond

// Dials asks for connections that the server makes.
type Dials struct {
	To      string        `json:"to"` // host and port
	Count   int           `json:"count"`
	Timeout time.Duration `json:"timeout"`  // 0 is the engine's default
	Delay   time.Duration `json:"delay"`    // between addresses; 0 is the engine's default
	CallOff time.Duration `json:"call_off"` // after which the context ends, 0 for never
}

// Dialed is how they have ended so far.
type Dialed struct {
	Outcomes map[string]int           `json:"outcomes"` // how often each
	Soonest  map[string]time.Duration `json:"soonest"`  // the least time that it took to come
}

// Flood asks for many goroutines at once.
type Flood struct {
	Goroutines int `json:"goroutines"`
	Each       int `json:"each"` // posts or records of every goroutine
}

// Flooded is what came of it.
type Flooded struct {
	Accepted  int `json:"accepted"`
	Refused   int `json:"refused"` // with ErrBackpressure
	Ran       int `json:"ran"`
	Misplaced int `json:"misplaced"` // tasks that overtook one of their own goroutine
	Most      int `json:"most"`      // tasks queued at one time, at least
}

// RecordSize is the length of what the goroutines of the op "writers" write: two
// numbers of 8 bytes, little-endian: the goroutine's and the record's.
const RecordSize = 16

// Inherited is what the ops "exec" and "forked" found: descriptors that programs have which the
// server started.
type Inherited struct {
	Programs int      `json:"programs"`
	Leaked   []string `json:"leaked"` // what they are
}

// Setup is what the ops "setup" and "attempts" found: things made with k descriptors
// left, or with the k-th call failing, for every k until all could be made.
type Setup struct {
	Failed int      `json:"failed"` // attempts in which something failed, as it should
	Leaks  []string `json:"leaks"`  // attempts after which a descriptor or goroutine was left
	Odd    []string `json:"odd"`    // errors that do not tell the cause
}

// Attempts asks for things to be made with the first of these calls failing, the second, and
// so on, while every Period-th of a thread fails with Errno.
type Attempts struct {
	Call  string        `json:"call"` // one of SetupCalls
	Errno syscall.Errno `json:"errno"`
}

// SetupCalls are the system calls of Attempts.
var SetupCalls = []string{"bind", "connect", "epoll_ctl", "fcntl", "getpeername", "getsockname", "getsockopt", "listen", "setsockopt"}

// Period is more than twice as many calls as one thread makes in an attempt.
const Period = 64
