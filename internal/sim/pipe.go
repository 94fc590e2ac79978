package sim

// Pipes, and read(2) and write(2), see pipe(7).

const (
	pipeSize = 64 << 10
	// pipeAtomic is PIPE_BUF: a write of no more is made as a whole or not at all.
	pipeAtomic = 4 << 10
)

// pipe is what both ends share.
type pipe struct {
	data           buffer
	reader, writer *pipeEnd // nil once closed
}

type pipeEnd struct {
	base
	pipe *pipe
}

// Pipe returns the read and the write end of a new pipe.
func (k *Kernel) Pipe() (r, w int, e Errno) {
	if !k.room(2) {
		return -1, -1, EMFILE
	}
	p := new(pipe)
	p.reader = &pipeEnd{base{kernel: k}, p}
	p.writer = &pipeEnd{base{kernel: k}, p}
	return k.install(p.reader), k.install(p.writer), 0
}

func (f *pipeEnd) reads() bool { return f.pipe.reader == f }

func (f *pipeEnd) poll() (r Events) {
	p := f.pipe
	if f.reads() {
		if p.data.len() > 0 {
			r |= In
		}
		if p.writer == nil {
			r |= Hup
		}
		return r
	}
	if p.data.len() <= pipeSize-pipeAtomic {
		r |= Out
	}
	if p.reader == nil {
		r |= Err
	}
	return r
}

func (f *pipeEnd) read(b []byte) (int, Errno) {
	p := f.pipe
	switch {
	case !f.reads():
		return 0, EBADF
	case len(b) == 0:
		return 0, 0
	case p.data.len() == 0 && p.writer == nil:
		return 0, 0
	case p.data.len() == 0:
		return 0, EAGAIN
	}
	was := p.data.len()
	n := p.data.copyTo([][]byte{b})
	p.data.drop(n)
	if p.writer != nil && was > pipeSize-pipeAtomic && p.data.len() <= pipeSize-pipeAtomic {
		p.writer.wake(Out)
	}
	return n, 0
}

func (f *pipeEnd) write(b []byte) (int, Errno) {
	p := f.pipe
	room := pipeSize - p.data.len()
	switch {
	case f.reads():
		return 0, EBADF
	case len(b) == 0:
		return 0, 0
	case p.reader == nil:
		return 0, EPIPE
	case room == 0 || len(b) <= pipeAtomic && len(b) > room:
		return 0, EAGAIN
	}
	n := min(len(b), room)
	p.data.add(b[:n])
	p.reader.wake(In)
	return n, 0
}

func (f *pipeEnd) release() {
	p := f.pipe
	other := p.reader
	if f.reads() {
		p.reader, other = nil, p.writer
	} else {
		p.writer = nil
	}
	if other != nil {
		other.wake(0)
	}
}

func (f *pipeEnd) String() string {
	if f.reads() {
		return "pipe, read end"
	}
	return "pipe, write end"
}

// Read reads once from a pipe, an event counter or a socket.
func (k *Kernel) Read(fd int, p []byte) (int, Errno) {
	o, e := k.object(fd)
	if e != 0 {
		return 0, e
	}
	switch o := o.(type) {
	case *pipeEnd:
		return o.read(p)
	case *eventfd:
		return o.read(p)
	case *socket:
		return k.Recv(fd, [][]byte{p}, false)
	default:
		return 0, EINVAL
	}
}

// Write writes once to a pipe, an event counter or a socket.
func (k *Kernel) Write(fd int, p []byte) (int, Errno) {
	o, e := k.object(fd)
	if e != 0 {
		return 0, e
	}
	switch o := o.(type) {
	case *pipeEnd:
		return o.write(p)
	case *eventfd:
		return o.write(p)
	case *socket:
		return k.Send(fd, [][]byte{p})
	default:
		return 0, EINVAL
	}
}
