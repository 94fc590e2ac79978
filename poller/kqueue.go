package poller

// kqueue(2) behind the verbs of a Poller. The kernel is reached through an
// interface, so that all of this is tested on systems without a kqueue too.

import (
	"sync"
	"time"

	"github.com/eddyline/eddyline/internal/descriptor"
	"github.com/eddyline/eddyline/internal/sys"
)

// kernel is the two things that a kqueue does.
type kernel interface {
	// apply makes all changes and leaves in each what became of it.
	apply(kq int, changes []sys.Kevent) sys.Errno
	// wait takes events.
	wait(kq int, events []sys.Kevent, timeout time.Duration) (int, sys.Errno)
}

// kqueue is the queue's half of a Poller.
//
// The kernel holds one registration for each filter of a descriptor and forgets
// them when the descriptor is closed. The table makes one registration of them,
// keeps the 64-bit token, for which the kernel's field is too small on 32-bit
// systems, and is checked against the kernel whenever it matters whether the
// descriptor is still the same.
type kqueue struct {
	kernel kernel
	// dispatch is EV_DISPATCH, or 0 where the kernel does not have it.
	dispatch int

	// The ends of the wake-up pipe; closed where EVFILT_USER does the work.
	bellRead, bellWrite descriptor.Descriptor
	userBell            bool

	mu sync.Mutex
	// table holds the registrations by descriptor.
	table []registration
	// generation is the last one given out.
	generation uint32
	// turn counts waits that brought events.
	turn uint64
	// changes is the list under construction; it lives here because what is
	// handed to an interface would be allocated each time.
	changes []sys.Kevent

	// list is where the kernel puts its events. It belongs to the waiter.
	list []sys.Kevent
}

// registration is what the table knows of one descriptor.
type registration struct {
	token Token
	// turn and event tell which of a wait's events is this descriptor's, so that
	// its filters are reported together.
	turn  uint64
	event int32
	// generation goes with each filter into the kernel and comes back with each
	// event; one that does not match is of an earlier registration. 0 is none.
	generation uint32
	interest   Interest
	// held are the filters in the kernel, armed those of them that may still be
	// reported, fired those that the current wait reported.
	held, armed, fired filters
}

// bellGeneration marks the events of the bell.
const bellGeneration = 0

// hang installs the bell: a user event where the kernel has such a thing, else
// a pipe.
func (b *kqueue) hang(kq int) failure {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begin()
	b.change(0, sys.EVFILT_USER, sys.EV_ADD|sys.EV_CLEAR, 0, bellGeneration)
	if e := b.apply(kq); e != 0 {
		return failure{sys.CallKevent, e}
	}
	if b.changes[0].Errno() == 0 {
		b.userBell = true
		return failure{}
	}
	r, w, e := sys.Pipe()
	if e != 0 {
		return failure{sys.CallPipe, e}
	}
	b.bellRead.Init(r)
	b.bellWrite.Init(w)
	b.begin()
	b.change(r, sys.EVFILT_READ, sys.EV_ADD|sys.EV_CLEAR, 0, bellGeneration)
	if e = b.apply(kq); e == 0 {
		e = b.changes[0].Errno()
	}
	if e != 0 {
		b.close()
	}
	return failure{sys.CallKevent, e}
}

// ring makes the kernel report the bell.
func (b *kqueue) ring(kq int) failure {
	if b.userBell {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.begin()
		b.change(0, sys.EVFILT_USER, 0, sys.NOTE_TRIGGER, bellGeneration)
		e := b.apply(kq)
		if e == 0 {
			e = b.changes[0].Errno()
		}
		return failure{sys.CallKevent, e}
	}
	if !b.bellWrite.Acquire() {
		return failure{}
	}
	defer b.bellWrite.Release()
	if !b.bellRead.Acquire() {
		return failure{}
	}
	defer b.bellRead.Release()
	return ring(b.bellWrite.FD(), b.bellRead.FD())
}

// holdBell keeps the bell in the kernel until releaseBell; a user event stays as
// long as the queue.
func (b *kqueue) holdBell() bool { return b.userBell || b.bellRead.Acquire() }

func (b *kqueue) releaseBell() {
	if !b.userBell {
		b.bellRead.Release()
	}
}

func (b *kqueue) close() {
	b.bellWrite.Close()
	b.bellRead.Close()
}

func (b *kqueue) add(kq, fd int, interest Interest, token Token) failure {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.registered(fd) {
		known, e := b.known(kq, fd)
		if e != 0 {
			return failure{sys.CallKevent, e}
		}
		if known {
			return failure{sys.CallKevent, sys.EEXIST}
		}
	}
	return b.install(kq, fd, 0, interest, token)
}

func (b *kqueue) modify(kq, fd int, interest Interest, token Token) failure {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.registered(fd) {
		return failure{sys.CallKevent, sys.ENOENT}
	}
	return b.install(kq, fd, b.table[fd].held, interest, token)
}

func (b *kqueue) remove(kq, fd int) failure {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.registered(fd) {
		return failure{sys.CallKevent, sys.ENOENT}
	}
	held := b.table[fd].held
	b.table[fd] = registration{}
	b.begin()
	b.drop(fd, held)
	e := b.apply(kq)
	if e == 0 {
		e = firstErrno(b.changes)
	}
	return failure{sys.CallKevent, e}
}

// registered reports whether the table has fd.
func (b *kqueue) registered(fd int) bool {
	return fd < len(b.table) && b.table[fd].generation != 0
}

// known asks the kernel whether it still has what the table says, and takes fd
// from the table if not: then fd was closed since, and its number may be that of
// another descriptor now. A change without any action alters nothing, and is
// ENOENT or EBADF where there is nothing to alter.
func (b *kqueue) known(kq, fd int) (bool, sys.Errno) {
	reg := &b.table[fd]
	b.begin()
	b.touch(fd, *reg)
	if e := b.apply(kq); e != 0 {
		return false, e
	}
	if b.changes[0].Errno() == 0 {
		return true, 0
	}
	*reg = registration{}
	return false, 0
}

// install replaces the held filters of fd, none for a new descriptor, by those
// of an interest. If it fails the old ones stay.
//
// They are taken out and put in again even where they stay the same: to the
// kernel a second EV_ADD is no new look at the descriptor and leaves EV_CLEAR
// and EV_DISPATCH as they were, while EPOLL_CTL_MOD replaces all and reports
// what is ready. If the old ones are no longer there, the descriptor is another
// one now, for which nothing must stay.
func (b *kqueue) install(kq, fd int, held filters, interest Interest, token Token) failure {
	if interest&Priority != 0 && sys.EVFILT_EXCEPT == sys.NoFilter {
		return failure{sys.CallKevent, sys.EOPNOTSUPP}
	}
	next := registration{
		token:      token,
		generation: b.nextGeneration(),
		interest:   interest,
		held:       heldFilters(interest),
		armed:      wantedFilters(interest),
	}
	b.begin()
	b.drop(fd, held)
	dropped := len(b.changes)
	b.put(fd, next)
	if e := b.apply(kq); e != 0 {
		return failure{sys.CallKevent, e}
	}
	gone := firstErrno(b.changes[:dropped])
	refused := firstErrno(b.changes[dropped:])
	if gone == 0 && refused == 0 {
		b.record(fd, next)
		return failure{sys.CallKevent, 0}
	}
	b.begin()
	b.drop(fd, next.held)
	b.apply(kq)
	if gone != 0 {
		b.table[fd] = registration{}
		return failure{sys.CallKevent, gone}
	}
	if held != 0 {
		b.restore(kq, fd)
	}
	return failure{sys.CallKevent, refused}
}

// restore puts the filters of fd back as the table has them, all or none: one that the
// table does not know would be reported for ever.
func (b *kqueue) restore(kq, fd int) {
	held := b.table[fd].held
	// An event that was given before counts as not reported, and comes anew.
	b.table[fd].generation = b.nextGeneration()
	b.begin()
	b.put(fd, b.table[fd])
	if b.apply(kq) == 0 && firstErrno(b.changes) == 0 {
		return
	}
	b.table[fd] = registration{}
	b.begin()
	b.drop(fd, held)
	b.apply(kq)
}

func (b *kqueue) record(fd int, reg registration) {
	if fd >= len(b.table) {
		b.table = append(b.table, make([]registration, fd+1-len(b.table))...)
	}
	b.table[fd] = reg
}

// nextGeneration returns a number that no event under way carries.
func (b *kqueue) nextGeneration() uint32 {
	b.generation++
	if b.generation == bellGeneration {
		b.generation++
	}
	return b.generation
}

// wait takes events once and returns how many are the caller's and whether the
// bell was among them.
func (b *kqueue) wait(kq int, events []Event, timeout time.Duration) (n int, woken bool, f failure) {
	size := min(len(events), maxBatch)
	if size > len(b.list) {
		b.list = make([]sys.Kevent, size)
	}
	got, e := b.kernel.wait(kq, b.list[:size], timeout)
	if e != 0 {
		return 0, false, failure{sys.CallKevent, e}
	}
	if got == 0 {
		return 0, false, failure{}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn++
	list := b.list[:got]
	for i := range list {
		if list[i].Data() == bellGeneration {
			woken = true
			continue
		}
		n = b.report(events, n, &list[i])
	}
	b.disarm(kq, list)
	return n, woken, failure{}
}

// report puts what k says into events, of which n are filled: into the event
// that its descriptor already has there, or into a new one.
func (b *kqueue) report(events []Event, n int, k *sys.Kevent) int {
	reg := b.source(k)
	if reg == nil {
		return n
	}
	filter := filterOf(k.Filter())
	ready := kqueueReady(filter, k.Flags(), k.Fflags())
	if reg.turn == b.turn {
		reg.fired |= filter
		events[reg.event].Ready |= ready
		return n
	}
	reg.turn, reg.event, reg.fired = b.turn, int32(n), filter
	events[n] = Event{Token: reg.token, Ready: ready}
	return n + 1
}

// source returns the registration that k belongs to, nil if that is gone: what
// was deleted or modified after the kernel gave the event counts as not
// reported, and is reported anew if it is still so.
func (b *kqueue) source(k *sys.Kevent) *registration {
	fd := k.Ident()
	if !b.registered(fd) || b.table[fd].generation != k.Data() {
		return nil
	}
	return &b.table[fd]
}

// disarm makes one-shot registrations out of what the kernel does to filters:
// the other filters of those that were reported are disabled before anybody can
// see the report. An errno says that the descriptor was closed meanwhile, which
// the next use of its number finds out.
func (b *kqueue) disarm(kq int, list []sys.Kevent) {
	b.begin()
	for i := range list {
		reg := b.source(&list[i])
		if reg == nil || reg.interest&OneShot == 0 {
			continue
		}
		rest := toDisarm(reg.armed, reg.fired, b.dispatch != 0)
		for _, f := range each {
			if rest&f.bit != 0 {
				b.change(list[i].Ident(), f.number, sys.EV_DISABLE, f.fflags, reg.generation)
			}
		}
		reg.armed = 0
	}
	if len(b.changes) > 0 {
		b.apply(kq)
	}
}

// The list of changes: begin, then drop, put or change, then apply.

func (b *kqueue) begin() { b.changes = b.changes[:0] }

// drop takes filters of fd out.
func (b *kqueue) drop(fd int, held filters) {
	for _, f := range each {
		if held&f.bit != 0 {
			b.change(fd, f.number, sys.EV_DELETE, f.fflags, 0)
		}
	}
}

// touch does nothing to the first filter of a registration.
func (b *kqueue) touch(fd int, reg registration) {
	for _, f := range each {
		if reg.held&f.bit != 0 {
			b.change(fd, f.number, 0, f.fflags, reg.generation)
			return
		}
	}
}

// put puts the filters of a registration in.
func (b *kqueue) put(fd int, reg registration) {
	for _, f := range each {
		if reg.held&f.bit == 0 {
			continue
		}
		flags := addFlags(reg.interest, b.dispatch)
		if reg.armed&f.bit == 0 {
			flags |= sys.EV_DISABLE
		}
		b.change(fd, f.number, flags, f.fflags, reg.generation)
	}
}

func (b *kqueue) change(ident, filter, flags int, fflags, generation uint32) {
	b.changes = append(b.changes, sys.Kevent{})
	b.changes[len(b.changes)-1].Set(ident, filter, flags, fflags, generation)
}

func (b *kqueue) apply(kq int) sys.Errno { return b.kernel.apply(kq, b.changes) }

// firstErrno returns the first failure among changes that were applied.
func firstErrno(changes []sys.Kevent) sys.Errno {
	for i := range changes {
		if e := changes[i].Errno(); e != 0 {
			return e
		}
	}
	return 0
}
