package sharpness

// Breakages of what moves bytes: C1, C3 and C4.

var bytesBreakages = []Breakage{
	{Name: "no flush at the end of a turn", Clause: "C1", Edits: []Edit{
		{"loop/conn_write.go", `	c.flush()
	if c.is(pressed)`, "\tif c.is(pressed)"},
	}},
	{Name: "a connection past its read budget is not put in the backlog", Clause: "C3", Edits: []Edit{
		{"loop/conn_read.go", `		if budget <= 0 {
			c.enqueue()
			return
		}
		buf,`, `		if budget <= 0 {
			return
		}
		buf,`},
	}},
	{Name: "no bound of what a connection receives in a turn", Clause: "C5", Edits: []Edit{
		{"loop/conn_read.go", `		budget -= max(n, minCharge)
		if n == 0`, `		if n == 0`},
	}},
	{Name: "a FIN behind input that is still queued is not told", Clause: "C3", Edits: []Edit{
		{"loop/conn_read.go", "\tif c.flags&(noOffer|reoffer|peerEnded|endTold) == peerEnded {", "\tif c.flags&(noOffer|reoffer|peerEnded|endTold) == peerEnded && c.queuedIn() == 0 {"},
	}},
	{Name: "readiness dropped after a receive that filled the buffer", Clause: "C1", Edits: []Edit{
		{"loop/conn_read.go", "if n < len(buf) && !c.is(distrust)", "if n <= len(buf) && !c.is(distrust)"},
	}},
	{Name: "a short receive trusted after a hang-up", Clause: "C1", Edits: []Edit{
		{"loop/conn_read.go", "if n < len(buf) && !c.is(distrust)", "if n < len(buf)"},
	}},
	{Name: "unix sockets trust short receives", Clause: "C1", Edits: []Edit{
		{"loop/engine.go", `		c.flags |= distrust
`, ""},
	}},
	{Name: "a short send taken for a full socket", Clause: "C1", Edits: []Edit{
		{"loop/conn_write.go", `		c.queues.out.Discard(l.blocks, n)
	}
`, `		c.queues.out.Discard(l.blocks, n)
		if c.queuedOut() > 0 {
			c.flags |= writeBlocked
		}
	}
`},
	}},
	{Name: "bytes sent twice after a partial send", Clause: "C1", Edits: []Edit{
		{"loop/conn_write.go", `		c.queues.out.Discard(l.blocks, n)
	}
`, `		if n < c.queuedOut() && n > 1 {
			n--
		}
		c.queues.out.Discard(l.blocks, n)
	}
`},
	}},
	{Name: "the cork dropped when the kernel is full", Clause: "C1", Edits: []Edit{
		{"loop/conn_write.go", `			c.queueOut(first)
			c.queueOut(extra)`, "\t\t\tc.queueOut(extra)"},
	}},
	{Name: "FIN instead of a reset for a cut output", Clause: "C1", Edits: []Edit{
		{"loop/conn_close.go", "\tif c.err != nil && c.queuedOut() > 0 {", "\tif c.err != nil && c.queuedOut() < 0 {"},
	}},
	{Name: "what is sent for another connection counts as the callback's own", Clause: "C1", Missed: "no callback of the worlds sends as much as is sent before others have their turn", Edits: []Edit{
		{"loop/conn_write.go", "	if c.loop.current == c { // or", "	if c.loop.current != nil { // or"},
	}},
	{Name: "input that was left for want of room is not offered again", Clause: "C4", Found: "input that was left for want of room was not offered again", Edits: []Edit{
		{"loop/conn_write.go", `	c.flags |= reoffer // input may be left whose answer did not fit
`, ""},
	}},
	{Name: "a FIN that cannot be sent loses the input", Clause: "C3", Found: "input was lost where CloseWrite met a reset", Edits: []Edit{
		{"loop/conn_write.go", "	c.outputFailed(c.connError(op, sys.CallShutdown, errno))", "	c.reset(c.connError(op, sys.CallShutdown, errno))"},
	}},
	{Name: "a failed send loses what the handler of the rest is to have", Clause: "C3", Missed: "within these seeds no OnEOF that met a reset wrote and set a handler", Edits: []Edit{
		{"loop/conn_write.go", `	c.settleFailed()
	c.flags |= readReady | distrust
`, `	c.settleFailed()
	if c.is(peerEnded) {
		c.fail(nil)
		return
	}
	c.flags |= readReady | distrust
`},
	}},
	{Name: "OnDrain not called", Clause: "C4", Edits: []Edit{
		{"loop/conn_write.go", "\tif !ok || c.is(closing) {", "\tif !ok || ok {"},
	}},
	{Name: "the high mark ignored", Clause: "C4", Edits: []Edit{
		{"loop/conn_read.go", "userPaused | pressed | closing | closed", "userPaused | closing | closed"},
	}},
	{Name: "Resume without a place in the backlog", Clause: "C3", Edits: []Edit{
		{"loop/conn.go", `		c.flags |= reoffer
		c.enqueue()
	}
}

// Stream`, `		c.flags |= reoffer
	}
}

// Stream`},
	}},
	{Name: "input offered while paused", Clause: "C3", Edits: []Edit{
		{"loop/conn_read.go", "userPaused | pressed | closing | closed", "pressed | closing | closed"},
	}},
	{Name: "MaxTaskBytes ignored", Clause: "C4", Edits: []Edit{
		{"loop/loop.go", "l.tasks.Push(t, size)", "l.tasks.Push(t, 0*size)"},
	}},
	{Name: "a Ref refuses before MaxTaskBytes", Clause: "C4", Edits: []Edit{
		{"loop/ref.go", "\treturn r.c.loop.post(t, size)", `	if int64(size) > r.c.loop.engine.cfg.MaxTaskBytes/2 {
		return ErrBackpressure
	}
	return r.c.loop.post(t, size)`},
	}},
	{Name: "a Ref refuses before MaxTasks", Clause: "C4", Edits: []Edit{
		{"loop/ref.go", "\treturn r.c.loop.post(t, size)", `	if r.c.loop.tasks.Len() >= r.c.loop.engine.cfg.MaxTasks-1 {
		return ErrBackpressure
	}
	return r.c.loop.post(t, size)`},
	}},
	{Name: "the mailbox keeps the bytes of what was taken", Clause: "C4", Edits: []Edit{
		{"internal/mailbox/mailbox.go", `		m.bytes -= int64(e.size)
`, ""},
	}},
}
