// Package sim is a model of the part of a kernel that the engine uses: stream
// sockets and the network between them, pipes, event counters, epoll, kqueue,
// poll and a clock, all in memory. It behaves as Linux does, down to which call
// sees an error first and what an edge is; only kqueue follows the BSDs.
//
// A [Kernel] does nothing by itself. What a TCP socket sends is on its way until
// a [Kernel.Step] delivers it, or a part of it; which of the connections is
// served, and how many bytes arrive together, is chosen by the seed. Within a
// connection the order holds. So one seed and the same calls give the same
// history. No call blocks; whoever waits looks again after a step.
//
// A Kernel is not safe for concurrent use.
package sim

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// Options are the sizes of a Kernel; 0 takes the default.
type Options struct {
	SendBuffer     int           // bytes that a socket keeps until they are acknowledged; 64 KiB
	ReceiveBuffer  int           // bytes that a socket keeps until they are read; 64 KiB
	Descriptors    int           // so many may be open at once; 1 Mi
	ConnectTimeout time.Duration // a connect that nobody answers ends with ETIMEDOUT then; 127 s
	// Immediate makes every call deliver all that it can, in the order in which it
	// was sent, as a machine does that talks to itself.
	Immediate bool
}

// Kernel is one machine.
type Kernel struct {
	options Options
	rng     *rand.Rand
	now     time.Duration
	changed func()

	files []object // by descriptor, nil where none is open
	free  int      // no descriptor below this one is free
	open  int
	// strays counts calls on descriptors that were not open.
	strays int
	// lingers counts closes that would have waited for the peer.
	lingers int

	active  []*socket            // with something that can be delivered
	ports   map[uint16][]*socket // bound TCP sockets
	port    uint16               // the last one that was chosen
	names   map[string]*name     // of unix sockets
	inode   uint64               // the last number of a name
	dials   []dial               // connects under way, the oldest first
	stalled []*socket            // see Stall
}

// firstFD is the lowest descriptor: those below are the standard ones.
const firstFD = 3

// New returns an empty Kernel whose choices are those of seed.
func New(seed uint64, o Options) *Kernel {
	setDefault(&o.SendBuffer, 64<<10)
	setDefault(&o.ReceiveBuffer, 64<<10)
	setDefault(&o.Descriptors, 1<<20)
	setDefault(&o.ConnectTimeout, 127*time.Second)
	rng := rand.New(rand.NewPCG(seed, 0))
	return &Kernel{
		options: o,
		rng:     rng,
		changed: func() {},
		files:   make([]object, firstFD),
		free:    firstFD,
		ports:   map[uint16][]*socket{},
		port:    firstPort + uint16(rng.IntN(ports)),
		names:   map[string]*name{},
	}
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// OnChange sets what is called whenever a wait may find something new.
func (k *Kernel) OnChange(f func()) { k.changed = f }

// Now returns the time since New.
func (k *Kernel) Now() time.Duration { return k.now }

// Advance moves the clock.
func (k *Kernel) Advance(d time.Duration) {
	k.now += max(d, 0)
	k.expireDials()
}

// object is what descriptors refer to.
type object interface {
	common() *base
	// poll returns what the object is ready for, as poll(2) would.
	poll() Events
	// release is called when the last descriptor is closed.
	release()
	String() string
}

// base is what all objects have.
type base struct {
	kernel   *Kernel
	refs     int
	watchers []watcher
}

// watcher is told of changes of an object: of those in key, or of all if it is 0.
type watcher interface{ wake(key Events) }

func (b *base) common() *base { return b }

func (b *base) wake(key Events) {
	for _, w := range b.watchers {
		w.wake(key)
	}
	b.kernel.changed()
}

func (b *base) watch(w watcher) { b.watchers = append(b.watchers, w) }

func (b *base) unwatch(w watcher) {
	if i := slices.Index(b.watchers, w); i >= 0 {
		b.watchers = slices.Delete(b.watchers, i, i+1)
	}
}

// room tells whether n more descriptors may be opened.
func (k *Kernel) room(n int) bool { return k.open+n <= k.options.Descriptors }

// install gives o the lowest free descriptor.
func (k *Kernel) install(o object) int {
	fd := k.free
	for fd < len(k.files) && k.files[fd] != nil {
		fd++
	}
	if fd == len(k.files) {
		k.files = append(k.files, nil)
	}
	k.files[fd] = o
	k.free = fd + 1
	k.open++
	o.common().refs++
	return fd
}

func (k *Kernel) object(fd int) (object, Errno) {
	if fd < 0 || fd >= len(k.files) || k.files[fd] == nil {
		k.strays++
		return nil, EBADF
	}
	return k.files[fd], 0
}

// the is object for one kind of object; of another, the error is wrong.
func the[T object](k *Kernel, fd int, wrong Errno) (t T, e Errno) {
	o, e := k.object(fd)
	if e != 0 {
		return t, e
	}
	t, ok := o.(T)
	if !ok {
		return t, wrong
	}
	return t, 0
}

func (k *Kernel) socket(fd int) (*socket, Errno) { return the[*socket](k, fd, ENOTSOCK) }

// Check returns EBADF unless fd is open.
func (k *Kernel) Check(fd int) Errno {
	_, e := k.object(fd)
	return e
}

// Close closes fd. Its object lives on if there is a duplicate, and so do then the
// epoll registrations made under this number.
func (k *Kernel) Close(fd int) Errno {
	o, e := k.object(fd)
	if e != 0 {
		return e
	}
	k.files[fd] = nil
	k.free = min(k.free, fd)
	k.open--
	b := o.common()
	k.closeNotes(b, fd)
	if b.refs--; b.refs == 0 {
		for _, w := range slices.Clone(b.watchers) {
			if i, ok := w.(*item); ok {
				i.remove()
			}
		}
		o.release()
		k.settle()
	}
	k.changed()
	return 0
}

// Dup returns a second descriptor of what fd refers to.
func (k *Kernel) Dup(fd int) (int, Errno) {
	o, e := k.object(fd)
	if e != 0 {
		return -1, e
	}
	if !k.room(1) {
		return -1, EMFILE
	}
	return k.install(o), 0
}

// Watched tells whether an epoll or a kqueue watches what fd refers to, by whatever number.
func (k *Kernel) Watched(fd int) bool {
	o, e := k.object(fd)
	return e == 0 && len(o.common().watchers) > 0
}

// Limit sets how many descriptors may be open. Those that are stay so.
func (k *Kernel) Limit(descriptors int) { k.options.Descriptors = descriptors }

// Strays returns how many calls were made on descriptors that were not open.
func (k *Kernel) Strays() int { return k.strays }

// Lingers returns how many closes would have waited, as SO_LINGER says.
func (k *Kernel) Lingers() int { return k.lingers }

// Descriptor is an open descriptor and what it refers to.
type Descriptor struct {
	FD   int
	What string
}

// Open returns all open descriptors by number.
func (k *Kernel) Open() []Descriptor {
	var list []Descriptor
	for fd, o := range k.files {
		if o != nil {
			list = append(list, Descriptor{fd, o.String()})
		}
	}
	return list
}

// Opened returns how many descriptors are open.
func (k *Kernel) Opened() int { return k.open }

func (d Descriptor) String() string { return strconv.Itoa(d.FD) + ": " + d.What }
