package sharpness

// Breakages of how connections, loops and listeners end: C2, C5 and C7.

var endBreakages = []Breakage{
	{Name: "a descriptor closed twice", Clause: "C8", Edits: []Edit{
		{"loop/conn_close.go", `		_ = sys.Close(fd)
`, `		_ = sys.Close(fd)
		_ = sys.Close(fd)
`},
	}},
	{Name: "an accepted descriptor not closed", Clause: "C7", Edits: []Edit{
		{"loop/conn_close.go", `	if c.stream == nil {
		_ = sys.Close(fd)`, `	if c.stream == nil {
		if c.slot == 5 {
			return
		}
		_ = sys.Close(fd)`},
	}},
	{Name: "a Stream not closed", Clause: "C7", Edits: []Edit{
		{"loop/conn_close.go", `	_ = c.stream.Close()
	c.stream.Release()`, "\tc.stream.Release()"},
	}},
	{Name: "a failed attempt of a dial not closed", Clause: "C7", Edits: []Edit{
		{"loop/dial.go", `	_ = a.stream.Close()
`, ""},
	}},
	{Name: "no linger", Clause: "C1", Edits: []Edit{
		{"loop/conn_close.go", "\tif acknowledged && !late {", "\tif _ = late; acknowledged || !acknowledged {"},
	}},
	{Name: "no linger for output that is not acknowledged", Clause: "C1", Edits: []Edit{
		{"loop/conn_close.go", "\tif acknowledged && !late {", "\tif !late || acknowledged && late && c == nil {"},
	}},
	{Name: "no linger for input that is not read", Clause: "C1", Missed: "within these seeds no output was under way where only input asks for it", Edits: []Edit{
		{"loop/conn_close.go", "\tif acknowledged && !late {", "\tif _ = late; acknowledged {"},
	}},
	{Name: "tasks queued at the end are lost", Clause: "C7", Edits: []Edit{
		{"loop/shutdown.go", "\tl.batch = append(l.batch, l.tasks.Close()...)", "\tl.tasks.Close()"},
	}},
	{Name: "a place under MaxConns not given back", Clause: "C4", Edits: []Edit{
		{"loop/conn_close.go", `	l.engine.release()
`, `	l.engine.askAll(0)
`},
	}},
	{Name: "a listener that paused is not armed again", Clause: "C6", Edits: []Edit{
		{"loop/listener.go", `	if !s.over {
		s.arm()`, `	if s.over {
		s.arm()`},
	}},
	{Name: "a panic loses the rest of the batch", Clause: "C5", Edits: []Edit{
		{"loop/wait.go", `		l.resumed = false
		return
`, `		l.resumed = false
`},
	}},
	{Name: "a handler that a Protocol sets before it panics is called", Clause: "C2", Edits: []Edit{
		{"loop/conn.go", `	defer func() { c.handler = nil }()
	return p(c)`, `	h := p(c)
	c.handler = nil
	return h`},
	}},
	{Name: "OnClose twice", Clause: "C2", Edits: []Edit{
		{"loop/conn_close.go", `	c.handler.OnClose(c, c.err)
`, `	c.handler.OnClose(c, c.err)
	c.handler.OnClose(c, c.err)
`},
	}},
	{Name: "a connection closed after its send had failed never ends", Clause: "C7", Found: "a connection that was closed after its send had failed never ended", Edits: []Edit{
		{"loop/conn_write.go", `	case c.is(writeFailed):
		c.settleFailed()
`, ""},
	}},
	{Name: "an answer that fails after the peer's end, above the high mark, never ends", Clause: "C2", Found: "a half-closed connection whose stalled answer failed never ended", Edits: []Edit{
		{"loop/conn_read.go", `		if c.flags&(writeFailed|endTold) == writeFailed|endTold {
			c.fail(nil) // the handler is owed no more than OnClose
		}
`, ""},
	}},
	{Name: "one that failed to send and is closed waits for its input", Clause: "C7", Edits: []Edit{
		{"loop/conn_write.go", `	case c.is(writeFailed):
		c.settleFailed()
`, `	case c.is(writeFailed):
`},
	}},
	{Name: "one that failed to send ends only when it is paused", Clause: "C7", Edits: []Edit{
		{"loop/conn_write.go", `	if c.flags&noOffer != 0 {
		c.fail(nil)
	}
`, `	if c.flags&noOffer != 0 && c.is(userPaused) {
		c.fail(nil)
	}
`},
	}},
	{Name: "CloseWrite sends no FIN", Clause: "C1", Edits: []Edit{
		{"loop/conn_write.go", `	case c.is(closeWrite):
		c.endHalf()
`, ""},
	}},
	{Name: "a connection whose directions have both ended stays", Clause: "C2", Edits: []Edit{
		{"loop/conn_write.go", "c.is(endTold) {", "c.is(endTold) && c == nil {"},
	}},
	{Name: "Close after CloseWrite and the FIN of the peer is an error", Clause: "C2", Found: "a connection that ended after CloseWrite and the peer's FIN reported an error", Edits: []Edit{
		{"loop/conn_write.go", `	if c.is(finSent) {
		return
	}
`, ""},
	}},
	{Name: "a listener that could not be deregistered never accepts again", Clause: "C6", Found: "a listener whose deregistration had failed never accepted again", Edits: []Edit{
		{"loop/listener.go", "\ts.armed = err != nil && !errors.Is(err, fs.ErrNotExist)", "\ts.armed = err != nil && !errors.Is(err, fs.ErrNotExist) && s == nil"},
	}},
	{Name: "Adopt past MaxConns", Clause: "C4", Edits: []Edit{
		{"loop/adopt.go", "\tif !e.reserve() {", "\tif e.conns.Add(1) < 0 {"},
	}},
	{Name: "no place given back when a connection cannot be adopted", Clause: "C4", Edits: []Edit{
		{"loop/adopt.go", `	if err != nil {
		e.release()
		return err
	}
	peer,`, `	if err != nil {
		return err
	}
	peer,`},
	}},
	{Name: "no place given back when what is adopted is in use", Clause: "C4", Edits: []Edit{
		{"loop/adopt.go", `	if err != nil {
		e.release()
		return err
	}
	c :=`, `	if err != nil {
		return err
	}
	c :=`},
	}},
	{Name: "Adopt succeeds while the engine ends", Clause: "C7", Edits: []Edit{
		{"loop/adopt.go", "\tif e.ending() {", "\tif e == nil {"},
	}},
	{Name: "adopted connections trust short receives", Clause: "C1", Missed: "the model has no option that ends a receive early", Edits: []Edit{
		{"loop/adopt.go", "shared | distrust", "shared"},
	}},
	{Name: "adopted connections are not deregistered before they are closed", Clause: "C8", Edits: []Edit{
		{"loop/adopt.go", "shared | distrust", "distrust"},
	}},
	{Name: "connections whose Stream was asked for are not deregistered before they are closed", Clause: "C8", Edits: []Edit{
		{"loop/conn.go", `	c.flags |= shared
`, ""},
	}},
	{Name: "Detach does not deregister", Clause: "C8", Edits: []Edit{
		{"loop/conn_close.go", "err := c.loop.poller.Delete(int(c.fd)); err != nil", "err := error(nil); err != nil"},
	}},
	{Name: "a lingering close that somebody set is left on", Clause: "C5", Edits: []Edit{
		{"loop/adopt.go", `	c.calmLinger()
`, ""},
		{"loop/conn_close.go", `		c.calmLinger()
`, ""},
	}},
	{Name: "adopted connections not counted", Clause: "C7", Edits: []Edit{
		{"loop/adopt.go", "&arrival{c, p, true}", "&arrival{c, p, false}"},
	}},
	{Name: "an adopted connection whose loop has ended is not closed", Clause: "C7", Edits: []Edit{
		{"loop/adopt.go", `		c.abandon()
`, ""},
	}},
	{Name: "the path of a unix listener left behind", Clause: "C7", Edits: []Edit{
		{"stream/unixpath.go", `		sys.Unlink(f.path)
	}
}

// bindPath`, `		_ = f
	}
}

// bindPath`},
	}},
}
