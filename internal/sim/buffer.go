package sim

// buffer: bytes in order.

type buffer struct {
	b    []byte
	head int
}

func (b *buffer) len() int { return len(b.b) - b.head }

func (b *buffer) add(p []byte) {
	if b.head > 0 && len(b.b)+len(p) > cap(b.b) {
		b.b = b.b[:copy(b.b, b.b[b.head:])]
		b.head = 0
	}
	b.b = append(b.b, p...)
}

// first returns the first n bytes, which stay in b.
func (b *buffer) first(n int) []byte { return b.b[b.head : b.head+n] }

func (b *buffer) drop(n int) {
	b.head += n
	if b.head == len(b.b) {
		b.b, b.head = b.b[:0], 0
	}
}

// cut keeps the first n bytes alone.
func (b *buffer) cut(n int) { b.b = b.b[:b.head+n] }

// copyTo fills bufs from the beginning of b, and returns how many bytes that were.
func (b *buffer) copyTo(bufs [][]byte) (n int) {
	for _, p := range bufs {
		n += copy(p, b.b[b.head+n:])
	}
	return n
}

// addSome adds at most limit bytes of bufs, and returns how many.
func (b *buffer) addSome(bufs [][]byte, limit int) (n int) {
	for _, p := range bufs {
		p = p[:min(len(p), limit-n)]
		b.add(p)
		n += len(p)
	}
	return n
}

func size(bufs [][]byte) (n int) {
	for _, p := range bufs {
		n += len(p)
	}
	return n
}
