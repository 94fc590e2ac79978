package stream_test

// Half-closes as Linux does them (hazard 18).

import (
	"errors"
	"testing"

	"github.com/eddyline/eddyline/stream"
)

// What arrives after ShutRead is delivered all the same, and then there is the end
// again: a reader that waits does not wait for it.
func TestInputAfterShutdownReadIsDelivered(t *testing.T) {
	for _, wait := range []bool{false, true} {
		for name, read := range readers {
			t.Run(name, func(t *testing.T) {
				s, peer := tcpPair(t)
				must(t, "SetNonblocking", s.SetNonblocking(!wait))
				must(t, "Shutdown", s.Shutdown(stream.ShutRead))
				p := make([]byte, 10)
				for range 3 {
					n, err := read(s, p)
					expectEOF(t, "before it", n, err)
					send(t, peer, []byte("late"))
					got := 0
					until(t, "what came late", func() bool {
						n, err := read(s, p[got:])
						got += n
						if n == 0 {
							expectEOF(t, "until it is there", n, err)
						}
						return got == 4
					})
					expectBytes(t, p[:got], []byte("late"))
				}
				must(t, "Shutdown", peer.Shutdown(stream.ShutWrite))
				n, err := read(s, p)
				expectEOF(t, "after the peer's end", n, err)
			})
		}
	}
}

// One's own end of the output is no end of the input: it raises nothing for those who
// wait to read, and takes nothing from what comes.
func TestOwnShutdownWriteIsNoEnd(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		s, peer := connected(t, at)
		waits(t, s)
		reading := inBackground(t, "Read", func() error {
			p := make([]byte, 10)
			n, err := s.Read(p)
			if string(p[:n]) != "answer" {
				return errors.Join(errors.New("got "+string(p[:n])), err)
			}
			return err
		})
		untilBlocked(t, "stream.(*Stream).Read")
		must(t, "Shutdown", s.Shutdown(stream.ShutWrite))
		n, err := readSome(peer, make([]byte, 1))
		expectEOF(t, "the peer's Read", n, err)
		untilBlocked(t, "stream.(*Stream).Read")
		send(t, peer, []byte("answer"))
		reading()
	})
}
