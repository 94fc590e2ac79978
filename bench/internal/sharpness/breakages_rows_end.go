package sharpness

// Breakages that the fault table notices and the simulation is not tried with: of ends,
// panics, calls that fail, and set-ups.

var rowEndBreakages = []Breakage{
	{Name: "a reset is taken for an end", Clause: "C2", Row: "reset-idle", Edits: []Edit{
		{"loop/conn_read.go", "	case errno == 0:\n		c.flags |= peerEnded", "	case errno == 0 || errno == sys.ECONNRESET || errno == sys.ECONNABORTED:\n		c.flags |= peerEnded"},
	}},
	{Name: "the cause of a reset is lost", Clause: "C2", Row: "killed-idle", Edits: []Edit{
		{"loop/conn_read.go", `		c.reset(c.connError("read", sys.CallRecv, errno))`, "		c.fail(nil)"},
	}},
	{Name: "a FIN drops pending output", Clause: "C1", Row: "fin-pending", Edits: []Edit{
		{"loop/conn_read.go", "	if !ok {\n		c.beginClose()\n		return\n	}", "	if !ok {\n		c.fail(nil)\n		return\n	}"},
	}},
	{Name: "Close drops what was written before it", Clause: "C1", Row: "calls", Edits: []Edit{
		{"loop/conn_close.go", "	c.beginClose()\n	return nil\n}", "	if c.loop.current == c {\n		c.loop.cork = c.loop.cork[:0]\n	}\n	c.beginClose()\n	return nil\n}"},
	}},
	{Name: "Close resets", Clause: "C1", Row: "calls", Edits: []Edit{
		{"loop/conn_close.go", "	c.beginClose()\n	return nil\n}", "	c.reset(nil)\n	return nil\n}"},
	}},
	{Name: "CloseWrite drops what was written before it", Clause: "C1", Row: "calls", Edits: []Edit{
		{"loop/conn_write.go", "	c.flags |= closeWrite\n", "	if c.loop.current == c {\n		c.loop.cork = c.loop.cork[:0]\n	}\n	c.flags |= closeWrite\n"},
	}},
	{Name: "Shutdown drops pending output", Clause: "C1", Row: "ends-within", Edits: []Edit{
		{"loop/conn_close.go", "	h, ok := c.handler.(ShutdownHandler)\n	if !ok {\n		c.beginClose()\n		return\n	}", "	h, ok := c.handler.(ShutdownHandler)\n	if !ok {\n		c.fail(nil)\n		return\n	}"},
	}},
	{Name: "OnShutdown twice", Clause: "C2", Row: "ends-within", Edits: []Edit{
		{"loop/conn_close.go", "	h.OnShutdown(c)\n", "	h.OnShutdown(c)\n	if !c.is(closed) {\n		h.OnShutdown(c)\n	}\n"},
	}},
	{Name: "OnEOF twice", Clause: "C2", Row: "late-reply", Edits: []Edit{
		{"loop/conn_read.go", "	h.OnEOF(c)\n", "	h.OnEOF(c)\n	h.OnEOF(c)\n"},
	}},
	{Name: "a panic ends its connection with a FIN", Clause: "C1", Row: "panics", Edits: []Edit{
		{"loop/turn.go", "		c.reset(err)", "		c.fail(err)"},
	}},
	{Name: "OnClose does not hear of a panic", Clause: "C2", Row: "panics", Edits: []Edit{
		{"loop/turn.go", "		c.reset(err)", "		c.reset(nil)"},
	}},
	{Name: "a panic in a task ends the program", Clause: "C5", Row: "panics", Edits: []Edit{
		{"loop/turn.go", "	case r != nil:\n		r.stop(err)\n", "	case r != nil:\n		r.stop(err)\n	default:\n		panic(v)\n"},
	}},
	{Name: "Every goes on after a panic", Clause: "C5", Row: "panics", Edits: []Edit{
		{"loop/timer.go", "			if panicked {", "			if panicked && d == 0 {"},
	}},
	{Name: "an interrupted receive is an error", Clause: "C1", Row: "eintr", Edits: []Edit{
		{"internal/sys/socket_linux.go", "			raceReceived(p[:n])\n			return int(n), 0\n		}\n		if e != EINTR {\n			return 0, e\n		}", "			raceReceived(p[:n])\n			return int(n), 0\n		}\n		if e != 0 {\n			return 0, e\n		}"},
	}},
	{Name: "an interrupted wake is lost", Clause: "C7", Row: "eintr", Edits: []Edit{
		{"internal/sys/pipe_linux.go", "		if e != EINTR {\n			return 0, e", "		if e != 0 {\n			return 0, e"},
	}},
	{Name: "an interrupted wait ends the engine", Clause: "C6", Row: "eintr", Edits: []Edit{
		{"poller/poller.go", "	for f.errno == sys.EINTR {\n", "	for f.errno < 0 {\n"},
	}},
	{Name: "a connection is read until nothing is left", Clause: "C5", Row: "line-rate-taken", Edits: []Edit{
		{"loop/conn_read.go", "		if budget <= 0 {\n			c.enqueue()\n			return\n		}\n		buf,", "		if budget < -1<<62 {\n			return\n		}\n		buf,"},
	}},
	{Name: "a connection that cannot be watched ends with a FIN", Clause: "C1", Row: "epoll-ctl", Edits: []Edit{
		{"loop/engine.go", "	_ = sys.SetLinger(int(c.fd), true, 0)\n	_ = sys.Close(int(c.fd))", "	_ = sys.Close(int(c.fd))"},
	}},
	{Name: "a listener that pauses stays armed", Clause: "C10", Row: "accept-ENFILE", Edits: []Edit{
		{"loop/listener.go", "	s.disarm()\n	s.pausing = true", "	s.pausing = true"},
		{"loop/listener.go", "	if s.pausing {\n		s.disarm()\n		return\n	}", "	if s.pausing {\n		return\n	}"},
	}},
	{Name: "connections are shed when descriptors run out", Clause: "C5", Row: "emfile", Edits: []Edit{
		{"loop/listener.go", "	s.disarm()\n	s.pausing = true", "	if cause == \"accept\" {\n		n := 0\n		l.slots.all(func(x source) {\n			if c, ok := x.(*Conn); ok && n < 4 {\n				n++\n				c.Close()\n			}\n		})\n	}\n	s.disarm()\n	s.pausing = true"},
	}},
	{Name: "a listener that pauses tries again every 5 ms", Clause: "C10", Row: "accept-ENOMEM", Edits: []Edit{
		{"loop/listener.go", "min(max(2*s.backoff, minBackoff), maxBackoff)", "minBackoff"},
	}},
	{Name: "a loop spins while output is pending", Clause: "C10", Row: "reset-output", Edits: []Edit{
		{"loop/conn_read.go", "	if c.flags&(noOffer|reoffer|peerEnded|endTold) == peerEnded {", "	if c.flags&(pressed|readReady) == pressed|readReady {\n		c.enqueue()\n	}\n	if c.flags&(noOffer|reoffer|peerEnded|endTold) == peerEnded {"},
	}},
	{Name: "descriptors are given to programs", Clause: "C7", Row: "exec", Edits: []Edit{
		{"internal/sys/socket_linux.go", "unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)", "unix.SOCK_NONBLOCK, 0, 0)"},
	}},
	{Name: "the poller is left open", Clause: "C7", Row: "partial-setup", Edits: []Edit{
		{"loop/shutdown.go", "	_ = l.poller.Close()\n", ""},
	}},
	{Name: "a poller whose bell cannot be made leaves its queue", Clause: "C7", Row: "partial-setup", Edits: []Edit{
		{"poller/poller_epoll_linux.go", "		queue.Close()\n		return failure{sys.CallEventfd, e}", "		return failure{sys.CallEventfd, e}"},
	}},
	{Name: "a poller whose bell cannot be watched leaves it", Clause: "C7", Row: "setup-calls", Edits: []Edit{
		{"poller/poller_epoll_linux.go", "		b.bell.Close()\n		queue.Close()\n		return failure{sys.CallEpollCtl, e}", "		return failure{sys.CallEpollCtl, e}"},
	}},
	{Name: "a deadline fires 10 ms early", Clause: "C9", Row: "slowloris", Edits: []Edit{
		{"loop/deadline.go", "		left := sys.Until(t)", "		left := sys.Until(t) - 10*time.Millisecond"},
	}},
	{Name: "a read deadline is put off by input", Clause: "C9", Row: "slowloris", Edits: []Edit{
		{"loop/conn_read.go", "		l.stats.BytesIn += uint64(n)\n		c.touch()", "		l.stats.BytesIn += uint64(n)\n		c.touch()\n		if c.limits != nil && c.limits.at[ReadDeadline] != 0 {\n			c.limits.at[ReadDeadline] += 100e6\n		}"},
	}},
	{Name: "a timer fires 3 ms early", Clause: "C9", Row: "deadlines", Edits: []Edit{
		{"loop/timer.go", "	l.base = later(l.now, clockSlack)", "	l.base = l.now - int64(3*time.Millisecond)"},
	}},
	{Name: "Run returns an error although it was asked to end", Clause: "C6", Row: "shutdown", Edits: []Edit{
		{"loop/engine.go", "	<-e.ended\n	return e.failure()", "	<-e.ended\n	if e.failure() == nil {\n		return net.ErrClosed\n	}\n	return e.failure()"},
	}},
	{Name: "a task that is refused runs all the same", Clause: "C4", Row: "task-flood", Edits: []Edit{
		{"internal/mailbox/mailbox.go", "	if m.len >= m.maxTasks || int64(size) > m.maxBytes-m.bytes {\n", "	if m.len >= m.maxTasks || int64(size) > m.maxBytes-m.bytes {\n		m.append(v, size)\n"},
	}},
	{Name: "a Ref sends the caller's bytes and no copy", Clause: "C1", Row: "writers", Edits: []Edit{
		{"loop/ref.go", "	\"bytes\"\n", ""},
		{"loop/ref.go", "bytes.Clone(p)", "p"},
	}},
	{Name: "an idle timeout fires early", Clause: "C9", Row: "link-gone", Edits: []Edit{
		{"loop/deadline.go", "	l.idle = int64(max(d, 0))", "	l.idle = int64(max(d/2, 0))"},
		{"loop/deadline.go", "later(l.active, d))", "later(l.active, d/2))"},
	}},
	{Name: "a number is free while its events are to come", Clause: "C8", Row: "reuse-in-batch", Edits: []Edit{
		{"loop/slot.go", "	if sl.gen != gen {", "	if sl.gen != gen && gen == 1<<31 {"},
		{"loop/conn_close.go", "	c.loop.closed.add(c)", "	c.loop.closed.add(c)\n	if !c.is(detached) && c.stream == nil {\n		if c.is(aborting) {\n			_ = sys.SetLinger(int(c.fd), true, 0)\n		}\n		_ = sys.Close(int(c.fd))\n		c.fd = -1\n		c.loop.slots.remove(c.slot)\n	}"},
		{"loop/conn_close.go", "	l.slots.remove(c.slot)\n	c.stopLimits()", "	if c.fd >= 0 {\n		l.slots.remove(c.slot)\n	}\n	c.stopLimits()"},
	}},
}
