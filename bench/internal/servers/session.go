package servers

// What servers need whose library does not provide it.

import (
	"slices"
	"sync"
	"time"

	"github.com/eddyline/eddyline/bench/internal/workload"
)

// grace is how long a library may take to end its connections; what it has not
// ended then ends with the process.
const grace = 100 * time.Millisecond

// session is a connection that keeps what it has received and not consumed.
type session struct {
	respond workload.Responder
	pending []byte
}

// answer appends to reply the answers to what was received. in is free for reuse
// afterwards.
func (s *session) answer(in, reply []byte) (out []byte, err error) {
	if len(s.pending) > 0 {
		s.pending = append(s.pending, in...)
		in = s.pending
	}
	used, out, err := s.respond(in, reply)
	if used < len(in) || len(s.pending) > 0 {
		s.pending = append(s.pending[:0], in[used:]...)
	}
	return out, err
}

// members are the connections that a fan-out goes to. Any goroutine.
type members[C comparable] struct {
	mu   sync.Mutex
	list []C // never changed below its length, so that now needs no copy
}

func (m *members[C]) add(c C) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, c)
}

func (m *members[C]) remove(c C) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := slices.Index(m.list, c); i >= 0 {
		m.list = slices.Delete(slices.Clone(m.list), i, i+1)
	}
}

// now returns the members of this moment. They are not for changing.
func (m *members[C]) now() []C {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.list
}
