package sharpness

// Breakages of what is owed to those who wait: callbacks, tasks, timers and the truth
// about an end.

var owedBreakages = []Breakage{
	{Name: "OnShutdown is not called", Clause: "C2", Edits: []Edit{
		{"loop/conn_close.go", `	h.OnShutdown(c)
`, `	_ = h
`},
	}},
	{Name: "a paused connection does not hear OnShutdown", Clause: "C2", Edits: []Edit{
		{"loop/conn_close.go", "	if c.flags&(closing|closed|shutdownTold) != 0 {", "	if c.flags&(closing|closed|shutdownTold|userPaused) != 0 {"},
	}},
	{Name: "OnShutdown is called again after a panic", Clause: "C2", Missed: "within these seeds no panic came in the middle of the telling; the tests of package loop hold it", Edits: []Edit{
		{"loop/conn_close.go", "closing|closed|shutdownTold) != 0", "closing|closed) != 0"},
		{"loop/turn.go", `		l.control.Or(controlDrain)
`, `		l.control.Or(controlDrain)
		l.asked = 0
`},
	}},
	{Name: "Ref.Do calls nobody", Clause: "C7", Edits: []Edit{
		{"loop/ref.go", `	t.f(t.c)
`, `	_ = t.f
`},
	}},
	{Name: "Ref.Do calls nobody while the connection is closing", Clause: "C7", Edits: []Edit{
		{"loop/ref.go", `	if t.c.is(closed) {
		return
	}
	t.c.begin()`, `	if t.c.is(closing | closed) {
		return
	}
	t.c.begin()`},
	}},
	{Name: "Ref.Close does nothing", Clause: "C7", Edits: []Edit{
		{"loop/ref.go", "func (t *refClose) run(*Loop) { _ = (*Conn)(t).Close() }", "func (t *refClose) run(*Loop) {}"},
	}},
	{Name: "Ref.Write sends nothing", Clause: "C1", Edits: []Edit{
		{"loop/ref.go", "	if _, err := t.c.Write(t.p); err == ErrBackpressure {", "	if err := error(nil); err == ErrBackpressure {"},
	}},
	{Name: "Ref.Write past MaxPending is dropped without a word", Clause: "C1", Edits: []Edit{
		{"loop/ref.go", `		t.c.reset(err)
`, ""},
	}},
	{Name: "what a Protocol wrote before it refused is lost", Clause: "C1", Found: "what a Protocol had written before it refused was lost", Edits: []Edit{
		{"loop/conn.go", "	wrote := c.loop.spent > 0 || c.Buffered() > 0", "	wrote := c.loop.spent > 0 || c.queuedOut() > 0"},
	}},
	{Name: "the end of the engine sounds orderly", Clause: "C2", Edits: []Edit{
		{"loop/conn_close.go", "func (c *Conn) stop(err error) { c.fail(err) }", "func (c *Conn) stop(error) { c.fail(nil) }"},
	}},
	{Name: "Shutdown sounds like Close", Clause: "C2", Edits: []Edit{
		{"loop/conn_close.go", `	if !ok {
		c.beginClose()
		return
	}
	c.begin()
	h.OnShutdown(c)`, `	if !ok {
		c.closeWith(net.ErrClosed)
		return
	}
	c.begin()
	h.OnShutdown(c)`},
	}},
	{Name: "a cut output ends with a FIN at the engine's end", Clause: "C1", Edits: []Edit{
		{"loop/conn_close.go", "func (c *Conn) stop(err error) { c.fail(err) }", `func (c *Conn) stop(err error) {
	if c.is(closed) {
		return
	}
	c.fail(err)
	c.flags &^= aborting
}`},
	}},
	{Name: "a cut output ends with a FIN after FlushTimeout", Clause: "C1", Edits: []Edit{
		{"loop/conn_close.go", `	c.reset(c.opError("close", os.ErrDeadlineExceeded))
`, `	c.fail(c.opError("close", os.ErrDeadlineExceeded))
	c.flags &^= aborting
`},
	}},
	{Name: "a later cause takes the place of the first", Clause: "C2", Edits: []Edit{
		{"loop/conn_close.go", `	if c.err == nil {
		c.err = err
	}`, `	if err != nil {
		c.err = err
	}`},
	}},
	{Name: "an error is reported that another connection had", Clause: "C2", Edits: []Edit{
		{"loop/conn_read.go", `	case errno != sys.EAGAIN:
		c.reset(`, `	case errno != sys.EAGAIN:
		c.loop.slots.all(func(s source) {
			if o, ok := s.(*Conn); ok && o.handler != nil && c.flags&o.flags&closing == 0 {
				o.reset(o.connError("read", sys.CallRecv, errno))
			}
		})
		c.reset(`},
	}},
	{Name: "a connection leaves its timer behind", Clause: "C7", Edits: []Edit{
		{"loop/deadline.go", `		c.loop.wheel.Stop(&c.limits.timer)
`, ""},
	}},
	{Name: "a dial leaves its timer behind", Clause: "C7", Edits: []Edit{
		{"loop/dial.go", `	l.wheel.Stop(&d.limit)
`, ""},
	}},
	{Name: "a listener leaves its timer behind", Clause: "C7", Edits: []Edit{
		{"loop/listener.go", `	s.loop.wheel.Stop(&s.retry)
`, ""},
	}},
	{Name: "backpressure does not end where nobody hears of it", Clause: "C4", Edits: []Edit{
		{"loop/conn_write.go", `	if c.is(pressed) && c.queuedOut() <= c.drainMark() {
		c.drained()
	}
	c.releaseQueues()`, `	if _, hears := c.handler.(DrainHandler); hears && c.is(pressed) && c.queuedOut() <= c.drainMark() {
		c.drained()
	}
	c.releaseQueues()`},
	}},
	{Name: "Resume does not undo Pause", Clause: "C3", Edits: []Edit{
		{"loop/conn.go", `		c.flags &^= userPaused
		c.flags |= reoffer
		c.enqueue()`, `		c.flags |= reoffer
		c.enqueue()`},
	}},
	{Name: "readiness that comes while paused is lost", Clause: "C1", Edits: []Edit{
		{"loop/conn.go", "	if r&poller.Readable != 0 {", "	if r&poller.Readable != 0 && c.flags&noOffer == 0 {"},
	}},
}
