package sim

// Readiness, and poll(2).

// Events is a set of readiness bits, and of the ways to register for them.
type Events uint32

// The bits, by the numbers of epoll_ctl(2); the first five are poll(2)'s too.
const (
	In      Events = 0x1
	Pri     Events = 0x2
	Out     Events = 0x4
	Err     Events = 0x8
	Hup     Events = 0x10
	RdHup   Events = 0x2000
	OneShot Events = 1 << 30
	Edge    Events = 1 << 31

	always Events = Err | Hup      // reported whether asked for or not
	manner Events = OneShot | Edge // not readiness
)

// Invalid is POLLNVAL: the descriptor is not open.
const Invalid Events = 0x20

// Poll returns which of events fd is ready for, errors and hang-ups besides.
func (k *Kernel) Poll(fd int, events Events) Events {
	o, e := k.object(fd)
	if e != 0 {
		return Invalid
	}
	return o.poll() & (events | always)
}

// Look is Poll by somebody who is not there: a poll that finds no room to send makes
// the kernel owe an edge to all who watch the socket, this one does not.
func (k *Kernel) Look(fd int, events Events) Events {
	if s, e := k.socket(fd); e == 0 {
		defer func(owed bool) { s.nospace = owed }(s.nospace)
	}
	return k.Poll(fd, events)
}
