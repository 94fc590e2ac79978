package sim

// kqueue(2), as the BSDs have it: one registration, a note, for each filter of a
// descriptor. A note is queued when its filter becomes true; a wait looks again,
// and what is level-triggered stays in the queue.

import (
	"fmt"
	"slices"
)

// The filters, by the numbers of macOS.
const (
	FilterRead   = -1
	FilterWrite  = -2
	FilterUser   = -10
	FilterExcept = -15 // never true: there is no urgent data here
)

// The actions and flags of a Kevent.
const (
	NoteAdd      = 0x1
	NoteDelete   = 0x2
	NoteEnable   = 0x4
	NoteDisable  = 0x8
	NoteOneShot  = 0x10
	NoteClear    = 0x20
	NoteReceipt  = 0x40
	NoteDispatch = 0x80
	NoteError    = 0x4000
	NoteEOF      = 0x8000
)

// NoteTrigger, in the filter flags, fires a FilterUser.
const NoteTrigger = 0x1000000

// Kevent is one change or one event.
type Kevent struct {
	Ident, Filter, Flags int
	Fflags, Data         uint32
	// Errno is what became of a change, in an event with NoteError. In a change it is
	// what the kernel is to refuse that with, 0 for nothing.
	Errno Errno
}

type kqueue struct {
	base
	notes map[noteKey]*note
	queue []*note
}

type noteKey struct{ fd, filter int }

type note struct {
	noteKey
	kqueue    *kqueue
	o         object // nil for a user event
	flags     int
	data      uint32
	disabled  bool
	triggered bool
	queued    bool
	gone      bool
}

// Kqueue returns a new queue.
func (k *Kernel) Kqueue() (int, Errno) {
	if !k.room(1) {
		return -1, EMFILE
	}
	return k.install(&kqueue{base: base{kernel: k}, notes: map[noteKey]*note{}}), 0
}

// Kevent makes changes, one after the other, and returns how many of events it filled,
// which may be the same list. A change that fails, or that asks for a receipt, is an
// event; if there are any of those, they are all. Where there is no room for one the
// call ends, and fails with its errno: what was changed before stays, that one too if
// it is but the receipt that finds no room. Otherwise events are what is true.
func (k *Kernel) Kevent(kq int, changes, events []Kevent) (int, Errno) {
	q, e := the[*kqueue](k, kq, EBADF)
	if e != 0 {
		return 0, e
	}
	told := 0
	for _, c := range changes {
		e := q.change(c)
		if e == 0 && c.Flags&NoteReceipt == 0 {
			continue
		}
		if told == len(events) {
			return 0, e
		}
		c.Flags, c.Errno = NoteError, e
		events[told] = c
		told++
	}
	if told > 0 {
		return told, 0
	}
	return q.take(events), 0
}

func (q *kqueue) change(c Kevent) Errno {
	if c.Errno != 0 {
		return c.Errno
	}
	key := noteKey{c.Ident, c.Filter}
	n := q.notes[key]
	if n == nil {
		var e Errno
		if n, e = q.add(key, c); e != 0 {
			return e
		}
	}
	if c.Flags&NoteDelete != 0 {
		n.remove()
		return 0
	}
	n.data = c.Data
	switch {
	case c.Flags&NoteDisable != 0:
		n.disabled = true
	case c.Flags&(NoteEnable|NoteAdd) != 0 && n.disabled:
		n.disabled = false
		n.look()
	}
	if c.Filter == FilterUser && c.Fflags&NoteTrigger != 0 {
		n.triggered = true
		n.look()
	}
	return 0
}

func (q *kqueue) add(key noteKey, c Kevent) (*note, Errno) {
	n := &note{noteKey: key, kqueue: q, flags: c.Flags & (NoteOneShot | NoteClear | NoteDispatch)}
	switch key.filter {
	case FilterUser:
	case FilterRead, FilterWrite, FilterExcept:
		var e Errno
		if n.o, e = q.kernel.object(key.fd); e != 0 {
			return nil, e
		}
	default:
		return nil, EINVAL
	}
	if c.Flags&NoteAdd == 0 {
		return nil, ENOENT
	}
	q.notes[key] = n
	if n.o != nil {
		n.o.common().watch(n)
	}
	n.disabled = c.Flags&NoteDisable != 0
	n.look()
	return n, 0
}

func (n *note) remove() {
	n.gone = true
	delete(n.kqueue.notes, n.noteKey)
	if n.o != nil {
		n.o.common().unwatch(n)
	}
}

// wake is told of a change of the object.
func (n *note) wake(key Events) {
	switch {
	case n.filter == FilterRead && key != 0 && key&In == 0:
	case n.filter == FilterWrite && key != 0 && key&Out == 0:
	default:
		n.look()
	}
}

// look queues the note if its filter is true.
func (n *note) look() {
	if n.queued || n.disabled {
		return
	}
	if _, active := n.state(); !active {
		return
	}
	n.queued = true
	n.kqueue.queue = append(n.kqueue.queue, n)
	n.kqueue.wake(In)
}

// state tells whether the filter is true, and what is to be reported then.
func (n *note) state() (ev Kevent, active bool) {
	ev = Kevent{Ident: n.fd, Filter: n.filter, Flags: n.flags, Data: n.data}
	var eof bool
	var e Errno
	switch n.filter {
	case FilterUser:
		active = n.triggered
	case FilterRead:
		active, eof, e = canRead(n.o)
	case FilterWrite:
		active, eof, e = canWrite(n.o)
	}
	if eof {
		ev.Flags |= NoteEOF
		ev.Fflags = uint32(e)
	}
	return ev, active
}

// canRead is the read filter: whether it is true, and the end of the input with a
// socket's error.
func canRead(o object) (active, eof bool, e Errno) {
	switch o := o.(type) {
	case *socket:
		eof = o.noRecv && o.state != fresh
		return o.poll()&In != 0 || eof || o.err != 0, eof, o.err
	case *pipeEnd:
		eof = o.reads() && o.pipe.writer == nil
	}
	return o.poll()&In != 0 || eof, eof, 0
}

// canWrite is the write filter.
func canWrite(o object) (active, eof bool, e Errno) {
	switch o := o.(type) {
	case *socket:
		eof = o.noSend && o.state != fresh
		return o.state == connected && o.writable() || eof || o.err != 0, eof, o.err
	case *pipeEnd:
		eof = !o.reads() && o.pipe.reader == nil
	}
	return o.poll()&Out != 0 || eof, eof, 0
}

// take fills events with what is true and returns how many it filled.
func (q *kqueue) take(events []Kevent) int {
	got, looked := 0, 0
	list := q.queue
	for _, n := range list {
		if got == len(events) {
			break
		}
		looked++
		n.queued = false
		if n.gone || n.disabled {
			continue
		}
		ev, active := n.state()
		if !active {
			continue
		}
		events[got] = ev
		got++
		switch {
		case n.flags&NoteOneShot != 0:
			n.remove()
		case n.flags&NoteDispatch != 0:
			n.disabled = true
		case n.flags&NoteClear != 0:
			n.triggered = false
		default:
			n.queued = true
			q.queue = append(q.queue, n)
		}
	}
	q.queue = slices.Delete(q.queue, 0, looked)
	return got
}

// closeNotes removes the notes of a descriptor that is closed.
func (k *Kernel) closeNotes(b *base, fd int) {
	for _, w := range slices.Clone(b.watchers) {
		if n, ok := w.(*note); ok && n.fd == fd {
			n.remove()
		}
	}
}

// Notes returns the armed registrations of kq, as events that may not be true.
func (k *Kernel) Notes(kq int) []Kevent {
	q, e := the[*kqueue](k, kq, EBADF)
	if e != 0 {
		return nil
	}
	var list []Kevent
	for fd := range k.files {
		for _, filter := range []int{FilterRead, FilterWrite} {
			if n := q.notes[noteKey{fd, filter}]; n != nil && !n.disabled {
				ev, _ := n.state()
				list = append(list, ev)
			}
		}
	}
	return list
}

func (q *kqueue) poll() Events {
	for _, n := range q.queue {
		if _, active := n.state(); active && !n.gone && !n.disabled {
			return In
		}
	}
	return 0
}

func (q *kqueue) release() {
	for _, n := range q.notes {
		n.gone = true
		if n.o != nil {
			n.o.common().unwatch(n)
		}
	}
	q.notes, q.queue = nil, nil
}

func (q *kqueue) String() string { return fmt.Sprintf("kqueue of %d", len(q.notes)) }
