package loop

// What an engine counts.

import (
	"sync"
	"time"
)

// Stats are counts since the engine was made, and gauges of now.
type Stats struct {
	Conns        int64  // connections now, dials under way included
	Accepted     uint64 // connections accepted
	Dialed       uint64 // connections dialled
	Adopted      uint64 // connections taken over with Adopt
	Closed       uint64 // connections ended, for whatever reason
	AcceptErrors uint64 // accept calls that failed, would-block aside, and connections that the poller refused
	AcceptPauses uint64 // times a listener was disarmed: no descriptors, no memory, or MaxConns
	DialErrors   uint64 // dials that failed
	BytesIn      uint64 // bytes received
	BytesOut     uint64 // bytes the kernel took
	Receives     uint64 // receive calls
	Sends        uint64 // send calls
	Turns        uint64 // turns of the loops
	Tasks        uint64 // tasks run: Post, and what came through a Ref
	Timers       uint64 // times that timers and deadlines came due
	Panics       uint64 // callbacks that panicked
	QueuedBytes  int64  // buffer memory in use now for input not consumed and output not sent

	// Spun is how long the loops polled for something to do, and found nothing, because
	// of [Config.Spin]: what they took of their cores beyond that was work. By the
	// wall clock: others may have had the core meanwhile.
	Spun time.Duration
}

func (s *Stats) add(o Stats) {
	s.Accepted += o.Accepted
	s.Dialed += o.Dialed
	s.Adopted += o.Adopted
	s.Closed += o.Closed
	s.AcceptErrors += o.AcceptErrors
	s.AcceptPauses += o.AcceptPauses
	s.DialErrors += o.DialErrors
	s.BytesIn += o.BytesIn
	s.BytesOut += o.BytesOut
	s.Receives += o.Receives
	s.Sends += o.Sends
	s.Turns += o.Turns
	s.Tasks += o.Tasks
	s.Timers += o.Timers
	s.Panics += o.Panics
	s.QueuedBytes += o.QueuedBytes
	s.Spun += o.Spun
}

// counters are the loop's own, plain and uncontended, and the copy that others
// may read. One lock a turn costs less than an atomic operation a count.
type counters struct {
	Stats
	mu     sync.Mutex
	public Stats
}

func (s *counters) publish(l *Loop) {
	s.QueuedBytes = l.blocks.InUse()
	s.mu.Lock()
	s.public = s.Stats
	s.mu.Unlock()
}

func (s *counters) read() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.public
}

// Stats returns the sum over the loops, as of each loop's last turn. Any
// goroutine.
func (e *Engine) Stats() Stats {
	var sum Stats
	for _, l := range e.loops {
		sum.add(l.stats.read())
	}
	sum.Conns = e.conns.Load()
	return sum
}
