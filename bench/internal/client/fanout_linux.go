package client

// Fan-out: one sends, all receive.

import (
	"fmt"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// probeEvery is how often the sender tries whether all connections receive, until
// they do.
const probeEvery = 20 * time.Millisecond

// Before the load the sender sends messages of one repeated byte. Nobody knows
// when the server has all connections among those it sends to, so there may be
// several probes, of which a late connection misses the first. After the last of
// them comes the starter, and then every connection is at the same place.
const (
	probe   = 0x00
	starter = 0xff
)

type fanout struct {
	g       *generator
	members []*member
	stream  int // place in the pattern of the next byte to send

	probed  int64 // when the first probe was sent
	reached int   // connections that have received a probe
	started bool  // the starter is sent
	ready   int   // connections that have received it

	sent     uint64    // messages since Begin was first called
	awaited  int       // of which not all connections have
	messages []message // the latest, message i at i modulo their number
}

// message is one under way.
type message struct {
	at   int64
	left int // connections that have not received it
}

// member is one connection.
type member struct {
	d       *fanout
	c       *loop.Conn
	index   int
	reached bool
	ready   bool
	opening int // bytes of a probe or starter received
	got     uint64
	replies reader
}

func (d *fanout) open() {
	d.messages = make([]message, d.g.spec.Pipeline)
	d.stream = origin(0)
	inBursts(d.g.spec.Conns, func(opened func()) {
		m := &member{d: d, index: d.g.number()}
		m.replies = reader{in: echoed, at: origin(0), size: d.g.spec.Size}
		d.members = append(d.members, m)
		d.g.dial(m.index, func(*loop.Conn) loop.Handler { return m }, func(c *loop.Conn) {
			m.c = c
			opened()
		})
	}, func() {
		d.probed = d.g.now()
		d.probe()
	})
}

// probe sends a probe now and then until the starter is sent.
func (d *fanout) probe() {
	if d.started {
		return
	}
	if d.g.now()-d.probed > int64(d.g.patience) {
		d.g.fail(d.stuck())
		return
	}
	d.fill(probe)
	d.g.loop.AfterFunc(probeEvery, d.probe)
}

func (d *fanout) fill(b byte) {
	p := make([]byte, d.g.spec.Size)
	for i := range p {
		p[i] = b
	}
	d.write(p)
}

func (d *fanout) write(p []byte) {
	if _, err := d.members[0].c.Write(p); err != nil {
		d.g.fail(lost(d.members[0].index, d.members[0].replies.offset, err))
	}
}

// OnData takes what the sender has sent.
func (m *member) OnData(_ *loop.Conn, in []byte) (int, error) {
	n := len(in)
	var err error
	if !m.ready {
		in, err = m.prepare(in)
	}
	if err == nil && len(in) > 0 {
		err = m.receive(in)
	}
	if err != nil {
		m.d.g.fail(fmt.Errorf("%s, %w", name(m.index), err))
	}
	return n, nil
}

// prepare takes probes and the starter and returns what follows them.
func (m *member) prepare(in []byte) (rest []byte, err error) {
	size := m.d.g.spec.Size
	for len(in) > 0 && !m.ready {
		step := in[:min(len(in), size-m.opening)]
		kind := step[0]
		for i, b := range step {
			if b != kind || b != probe && b != starter {
				return nil, fmt.Errorf("byte %d of a message of the opening is wrong: got %#02x", m.opening+i, b)
			}
		}
		in = in[len(step):]
		if m.opening += len(step); m.opening == size {
			m.opening = 0
			m.prepared(kind)
		}
	}
	return in, nil
}

func (m *member) prepared(kind byte) {
	d := m.d
	if kind == starter {
		m.ready = true
		if d.ready++; d.ready == len(d.members) {
			d.g.complete()
		}
		return
	}
	if m.reached {
		return
	}
	m.reached = true
	if d.reached++; d.reached == len(d.members) {
		d.started = true
		d.fill(starter)
	}
}

// receive takes messages.
func (m *member) receive(in []byte) error {
	d := m.d
	outstanding := int(d.sent-m.got)*m.replies.size - m.replies.partial
	receipts, err := m.replies.read(in, outstanding)
	if err != nil || receipts == 0 {
		return err
	}
	now := d.g.now()
	for range receipts {
		d.received(&d.messages[m.got%uint64(len(d.messages))], now)
		m.got++
	}
	return nil
}

// received counts one receipt, of which the last makes the next message due.
func (d *fanout) received(msg *message, now int64) {
	d.g.answered(msg.at, now, 1)
	if msg.left--; msg.left > 0 {
		return
	}
	record(d.g.all, now-msg.at, 1)
	if d.g.sending {
		d.send(now)
		return
	}
	if d.awaited--; d.awaited == 0 {
		d.g.lower()
	}
}

// send sends the next message.
func (d *fanout) send(now int64) {
	d.messages[d.sent%uint64(len(d.messages))] = message{now, len(d.members)}
	d.sent++
	for n := d.g.spec.Size; n > 0; {
		step := min(n, maxStep)
		d.write(echoed.piece(d.stream, step))
		d.stream = echoed.advance(d.stream, step)
		n -= step
	}
}

func (d *fanout) begin() {
	d.g.raise()
	d.awaited = d.g.spec.Pipeline
	now := d.g.now()
	for range d.g.spec.Pipeline {
		d.send(now)
	}
}

func (d *fanout) finish() { d.g.whenIdle(d.g.complete) }

// OnClose is the end, which only the generator may bring about.
func (m *member) OnClose(_ *loop.Conn, err error) {
	m.d.g.fail(lost(m.index, m.replies.offset, err))
}

func (d *fanout) measured(*window) {}

func (d *fanout) stuck() error {
	for _, m := range d.members {
		switch {
		case m.c == nil:
			return fmt.Errorf("%s is not connected", name(m.index))
		case !m.reached, d.started && !m.ready:
			return fmt.Errorf("%s does not receive what %s sends", name(m.index), name(d.members[0].index))
		case m.got < d.sent:
			return fmt.Errorf("%s, byte %d of what it receives: want %#02x, got none", name(m.index), m.replies.offset, m.replies.in.piece(m.replies.at, 1)[0])
		}
	}
	return nil
}

func (d *fanout) reset() {
	for _, m := range d.members {
		if m.c != nil {
			m.c.Abort()
		}
	}
}
