package sharpness

// Breakages of dials, of listeners that come and go, and of what only much at once shows.

var crowdBreakages = []Breakage{
	{Name: "a dial never times out", Clause: "C9", Edits: []Edit{
		{"loop/dial.go", "func (d *dial) expire() { d.finish(nil, os.ErrDeadlineExceeded) }", "func (d *dial) expire() { _ = os.ErrDeadlineExceeded }"},
	}},
	{Name: "a dial times out early", Clause: "C9", Edits: []Edit{
		{"loop/dial.go", "later(l.engine.clock(), d.cfg.Timeout)", "later(l.engine.clock(), d.cfg.Timeout/2)"},
	}},
	{Name: "a dial goes on when its context has ended", Clause: "C7", Edits: []Edit{
		{"loop/dial.go", "		_ = l.force(funcTask(func() { d.finish(nil, context.Cause(d.ctx)) }))", "		_ = l.force(funcTask(func() {}))"},
	}},
	{Name: "Shutdown leaves dials under way", Clause: "C7", Edits: []Edit{
		{"loop/shutdown.go", `	for d := range l.dials {
		d.finish(nil, net.ErrClosed)
	}
`, ""},
	}},
	{Name: "the attempts that lose a race are not closed", Clause: "C7", Edits: []Edit{
		{"loop/dial.go", `	for _, a := range d.attempts {
		a.drop()
	}
`, ""},
	}},
	{Name: "a race ends with its first failure", Clause: "C7", Edits: []Edit{
		{"loop/dial.go", `		d.last = err
		a.drop()
		d.try()`, `		a.drop()
		d.finish(nil, err)`},
	}},
	{Name: "the next address is not tried beside a silent one", Clause: "C9", Edits: []Edit{
		{"loop/dial.go", `			d.loop.wheel.Set(&d.stagger, later(d.loop.engine.clock(), d.cfg.AttemptDelay))
`, ""},
	}},
	{Name: "a dial that found a full queue does not come back", Clause: "C7", Edits: []Edit{
		{"loop/dial.go", `			d.loop.wheel.Set(&d.stagger, later(d.loop.engine.clock(), queueRetry))
`, ""},
	}},
	{Name: "Close leaves a listener armed", Clause: "C7", Edits: []Edit{
		{"loop/listener.go", `		if s.loop.force(funcTask(s.shut)) != nil {`, `		if s.armed {
			continue
		}
		if s.loop.force(funcTask(s.shut)) != nil {`},
	}},
	{Name: "a listener that is closed keeps its slot", Clause: "C7", Edits: []Edit{
		{"loop/listener.go", `	if s.placed {
		s.loop.slots.remove(s.slot)
	}
`, ""},
	}},
	{Name: "a listener closed while it pauses is armed again", Clause: "C8", Edits: []Edit{
		{"loop/listener.go", `	if !s.over {
		s.arm()
	}
}

// rearm`, `	s.arm()
}

// rearm`},
	}},
	{Name: "Shutdown leaves listeners open", Clause: "C6", Edits: []Edit{
		{"loop/listener.go", "func (s *listener) drain()     { s.shut() }", "func (s *listener) drain()     {}"},
	}},
	{Name: "events behind the first group are lost", Clause: "C1", Edits: []Edit{
		{"loop/turn.go", `	for l.event < l.arrived {
		group`, `	if l.event < l.arrived {
		group`},
	}},
	{Name: "all queued tasks run in one turn", Clause: "C5", Edits: []Edit{
		{"loop/turn.go", "l.tasks.Take(l.batch[:0], maxTasks)", "l.tasks.Take(l.batch[:0], 1<<20)"},
	}},
	{Name: "no bound of the OnData calls in a row", Clause: "C5", Edits: []Edit{
		{"loop/conn_read.go", "calls == maxOffers", "calls == -1"},
	}},
	{Name: "no bound of what a callback sends", Clause: "C5", Edits: []Edit{
		{"loop/conn_write.go", " || l.spent >= sendBudget {", " {"},
	}},
	{Name: "a loop that spins never blocks", Clause: "C10", Edits: []Edit{
		{"loop/wait.go", "		if n, err := l.pollBusy(); n != 0 || err != nil {", "		if n, err := l.pollBusy(); n != 0 || err != nil || l.engine.cfg.Spin > 0 {"},
	}},
}
