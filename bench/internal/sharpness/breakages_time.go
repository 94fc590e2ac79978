package sharpness

// Breakages of clocks and of what keeps a loop awake: C9 and C10.

var timeBreakages = []Breakage{
	{Name: "a loop polls and never blocks", Clause: "C10", Edits: []Edit{
		{"loop/wait.go", "	timeout := l.untilTimer()", "	timeout := 0 * l.untilTimer()"},
	}},
	{Name: "log lines without a bound", Clause: "C10", Edits: []Edit{
		{"loop/log.go", "now.Sub(last) < time.Second {", "now.Sub(last) < 0*time.Second {"},
	}},
	{Name: "a wait outlasts its timers", Clause: "C9", Edits: []Edit{
		{"loop/wait.go", "	timeout := l.untilTimer()", "	timeout := l.untilTimer()\n	if timeout > 0 {\n		timeout += 500 * time.Millisecond\n	}"},
	}},
	{Name: "a wait with timers has no end", Clause: "C9", Edits: []Edit{
		{"loop/wait.go", "	timeout := l.untilTimer()", "	timeout := l.untilTimer()\n	if timeout > 0 {\n		timeout = -1\n	}"},
	}},
	{Name: "a task wakes no loop", Clause: "C7", Edits: []Edit{
		{"loop/loop.go", `	wake, err := l.tasks.Push(t, size)
	if wake {`, `	wake, err := l.tasks.Push(t, size)
	if wake && l == nil {`},
	}},
	{Name: "the engine's end wakes no loop", Clause: "C7", Edits: []Edit{
		{"loop/loop.go", `	l.control.Or(bits)
	l.wake()
`, `	l.control.Or(bits)
`},
	}},
	{Name: "timers set by an old clock are not put off", Clause: "C9", Edits: []Edit{
		{"loop/timer.go", "late > 0 {", "late > 0 && l == nil {"},
	}},
	{Name: "a cleared deadline fires", Clause: "C9", Edits: []Edit{
		{"loop/deadline.go", `	} else if c.limits != nil {
		c.limits.at[d] = 0
	}`, "\t}"},
	}},
	{Name: "a write deadline fires 30 ms late", Clause: "C9", Edits: []Edit{
		{"loop/deadline.go", "c.setDeadline(WriteDeadline, t)", "c.setDeadline(WriteDeadline, t.Add(30*time.Millisecond))"},
	}},
	{Name: "a write deadline never fires", Clause: "C9", Edits: []Edit{
		{"loop/deadline.go", "(which == WriteDeadline && c.Buffered() == 0)", "which == WriteDeadline"},
	}},
	{Name: "an idle timeout fires late", Clause: "C9", Edits: []Edit{
		{"loop/deadline.go", "\tl.idle = int64(max(d, 0))", "\tl.idle = int64(max(2*d, 0))"},
		{"loop/deadline.go", "later(l.active, d))", "later(l.active, 2*d))"},
	}},
	{Name: "an idle timeout fires only once", Clause: "C9", Edits: []Edit{
		{"loop/deadline.go", `		c.limits.at[IdleTimeout] = later(c.limits.active, time.Duration(c.limits.idle))
`, `		c.limits.at[IdleTimeout], c.limits.idle = 0, 0
`},
	}},
	{Name: "an idle timeout is not put off by output", Clause: "C9", Edits: []Edit{
		{"loop/conn_write.go", `	c.touch()
`, ""},
	}},
	{Name: "an idle timeout is not put off by input", Clause: "C9", Edits: []Edit{
		{"loop/conn_read.go", `		c.touch()
`, ""},
	}},
	{Name: "an empty connection put in the backlog again and again", Clause: "C10", Edits: []Edit{
		{"loop/turn.go", `		c.flags &^= inBacklog
		c.work()
`, `		c.flags &^= inBacklog
		c.work()
		c.enqueue()
`},
	}},
	{Name: "a loop does not block", Clause: "C10", Edits: []Edit{
		{"loop/wait.go", "\treturn !l.backlog.empty()", "\treturn l.index == 1 || !l.backlog.empty()"},
	}},
	{Name: "a loop does not block after callbacks of another", Clause: "C10", Edits: []Edit{
		{"loop/wait.go", "\treturn !l.backlog.empty()", "\treturn busy(l) || !l.backlog.empty()"},
		{"loop/wait.go", "// untilTimer returns", `var seenIn, until uint64

func busy(l *Loop) bool {
	if l.index != 1 {
		return false
	}
	if n := l.engine.loops[0].stats.BytesIn; n != seenIn {
		seenIn, until = n, l.stats.Turns+1
	}
	return l.stats.Turns <= until
}

// untilTimer returns`},
	}},
}
