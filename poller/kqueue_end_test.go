//go:build linux

package poller

// The ends of connections as kqueue tells them (hazards 11, 18 and 48), against the
// model of kqueue_test.go.

import (
	"fmt"
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
)

// EV_EOF comes while there is data: it never stands alone, level-triggered it comes
// until somebody reads to the end, and later data makes an edge of its own.
func TestKqueueEOFLeavesDataToRead(t *testing.T) {
	ended := Event{1, Readable | ReadClosed}
	t.Run("level", func(t *testing.T) {
		m := newModel()
		b := newQueue(t, m)
		m.open(5, filterRead)
		m.eof[5] = filterRead
		ok(t, b.add(0, 5, Read, 1))
		for range 3 {
			reports(t, b, 8, ended)
		}
		m.ready[5] = 0
		reports(t, b, 8)
	})
	t.Run("edge", func(t *testing.T) {
		m := newModel()
		b := newQueue(t, m)
		m.open(5, filterRead)
		ok(t, b.add(0, 5, Read|Edge, 1))
		reports(t, b, 8, Event{1, Readable})
		m.eof[5] = filterRead
		m.becomes(5, filterRead)
		reports(t, b, 8, ended)
		reports(t, b, 8)
		m.becomes(5, filterRead)
		reports(t, b, 8, ended)
	})
	t.Run("one-shot", func(t *testing.T) {
		m := newModel()
		b := newQueue(t, m)
		m.open(5, filterRead)
		m.eof[5] = filterRead
		ok(t, b.add(0, 5, Read|OneShot, 1))
		reports(t, b, 8, ended)
		reports(t, b, 8)
		ok(t, b.modify(0, 5, Read|OneShot, 1))
		reports(t, b, 8, ended)
	})
}

// A local shutdown of the output is EV_EOF of the write filter: nothing in it says
// that the peer has ended, and input goes on to be told.
func TestKqueueOwnShutdownIsNotThePeersEnd(t *testing.T) {
	m := newModel()
	b := newQueue(t, m)
	m.open(5, 0)
	ok(t, b.add(0, 5, Read|Write|Edge, 1))
	m.eof[5] = filterWrite
	m.becomes(5, filterWrite)
	reports(t, b, 8, Event{1, Writable | WriteClosed})
	m.becomes(5, filterRead)
	reports(t, b, 8, Event{1, Readable})
}

// The filters of a descriptor are events of their own: where the kernel hands them
// over one by one, each is reported, once, and with its own end.
func TestKqueueFiltersThatComeApartAreAllReported(t *testing.T) {
	for _, eof := range []filters{0, filterRead, filterWrite, readWrite} {
		t.Run(fmt.Sprintf("eof=%b", eof), func(t *testing.T) {
			read, write := Event{1, Readable}, Event{1, Writable}
			if eof&filterRead != 0 {
				read.Ready |= ReadClosed
			}
			if eof&filterWrite != 0 {
				write.Ready |= WriteClosed
			}
			m := newModel()
			b := newQueue(t, m)
			m.open(5, readWrite)
			m.eof[5] = eof
			ok(t, b.add(0, 5, Read|Write|Edge, 1))
			reports(t, b, 1, read)
			reports(t, b, 1, write)
			reports(t, b, 1)
			m.becomes(5, readWrite)
			reports(t, b, 8, Event{1, read.Ready | write.Ready})
			reports(t, b, 8)
		})
	}
}

// Where the kernel has lost one of the filters, deleting the rest says so, and leaves
// nothing in the kernel or in the table.
func TestKqueueDeleteOfAnUnknownFilter(t *testing.T) {
	for _, lost := range []filters{filterRead, filterWrite, readWrite} {
		t.Run(fmt.Sprintf("lost=%b", lost), func(t *testing.T) {
			m := newModel()
			b := newQueue(t, m)
			m.open(5, readWrite)
			ok(t, b.add(0, 5, Read|Write, 1))
			kept := m.notes[:0]
			for _, n := range m.notes {
				if filterOf(n.filter)&lost == 0 {
					kept = append(kept, n)
				}
			}
			m.notes = kept
			refused(t, b.remove(0, 5), sys.ENOENT)
			if held := m.held(5); held != 0 {
				t.Errorf("the kernel still holds %b", held)
			}
			reports(t, b, 8)
			refused(t, b.remove(0, 5), sys.ENOENT)
			ok(t, b.add(0, 5, Read|Write, 2))
			reports(t, b, 8, Event{2, Readable | Writable})
		})
	}
}
