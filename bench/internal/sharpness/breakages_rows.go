package sharpness

// What the fault table is tried with: breakages of the simulation, each with the row
// that must notice it, and some that show on a real kernel alone.

import "slices"

// RowBreakages are all of them.
var RowBreakages = slices.Concat(sharedBreakages(), rowEndBreakages, rowDialBreakages)

// noticedBy are breakages of the simulation by the row of the fault table.
var noticedBy = []struct {
	row   string
	names []string
}{
	{"emfile", []string{"a listener that paused is not armed again"}},
	{"stalled-readers", []string{"the high mark ignored"}},
	{"accept-EMFILE", []string{"log lines without a bound"}},
	{"epoll-ctl", []string{"an accepted descriptor not closed"}},
	{"reset-idle", []string{"OnClose twice", "the engine's end wakes no loop"}},
	{"reset-output", []string{"one that failed to send and is closed waits for its input"}},
	{"reset-answering", []string{"an answer that fails after the peer's end, above the high mark, never ends"}},
	{"fin-tail", []string{"a connection past its read budget is not put in the backlog", "readiness dropped after a receive that filled the buffer"}},
	{"fin-pending", []string{"bytes sent twice after a partial send", "no flush at the end of a turn"}},
	{"close-unread", []string{"no linger"}},
	{"fork", []string{"tokens without a generation"}},
	{"blocked-callback", []string{"a task wakes no loop"}},
	{"deadlines", []string{"a write deadline never fires", "a cleared deadline fires"}},
	{"link-down", []string{"a loop polls and never blocks"}},
	{"panics", []string{"a panic loses the rest of the batch", "a panic leaves a registration open"}},
	{"calls", []string{"CloseWrite sends no FIN"}},
	{"dial-hole", []string{"a failed attempt of a dial not closed"}},
}

func sharedBreakages() (list []Breakage) {
	for _, by := range noticedBy {
		for _, name := range by.names {
			// One that is not there is the zero Breakage, which the tests notice.
			i := slices.IndexFunc(Breakages, func(b Breakage) bool { return b.Name == name })
			b := Breakage{Name: name}
			if i >= 0 {
				b = Breakages[i]
			}
			b.Row, b.Missed, b.Found = by.row, "", ""
			list = append(list, b)
		}
	}
	return list
}

// Breakages of dials.
var rowDialBreakages = []Breakage{
	{Name: "a connect that failed passes for one that did not", Clause: "C2", Row: "dial-refused", Edits: []Edit{
		{"loop/dial.go", `	if err == stream.ErrWouldBlock {
		return
	}
	i :=`, `	if err == stream.ErrWouldBlock {
		return
	}
	err = nil
	i :=`},
	}},
	{Name: "a dial is told twice how it ended", Clause: "C2", Row: "dial-refused", Edits: []Edit{
		{"loop/dial.go", `		d.report(nil, d.wrap(err))
		return
	}
	d.hand(c)`, `		d.report(nil, d.wrap(err))
		d.report(nil, d.wrap(err))
		return
	}
	d.hand(c)`},
	}},
	{Name: "a dial hears the wrong reason", Clause: "C7", Row: "dial-refused", Edits: []Edit{
		{"loop/dial.go", `		d.last = err
		a.drop()`, `		d.last = os.ErrDeadlineExceeded
		a.drop()`},
	}},
	{Name: "a dial that the kernel will not watch leaves its socket", Clause: "C7", Row: "dial-calls", Edits: []Edit{
		{"loop/dial.go", `d.loop.slots.token(a.slot)); err != nil {
		a.drop()
`, `d.loop.slots.token(a.slot)); err != nil {
		d.loop.slots.remove(a.slot)
`},
	}},
	{Name: "want of a local port passes for a time-out", Clause: "C7", Row: "dial-calls", Edits: []Edit{
		{"stream/connect.go", "return c.connectError(sys.CallConnect, sys.EADDRNOTAVAIL)", "return c.connectError(sys.CallConnect, e)"},
	}},
	{Name: "an interrupted connect is an error", Clause: "C5", Row: "dial-calls", Edits: []Edit{
		{"stream/connect.go", "	case sys.EINPROGRESS, sys.EINTR: // after", "	case sys.EINPROGRESS: // after"},
	}},
	{Name: "an address that cannot be tried ends the dial", Clause: "C7", Row: "dial-addresses", Edits: []Edit{
		{"loop/dial.go", `		d.last = err
		a.drop()
		d.try()`, `		d.last = err
		a.drop()
		d.finish(nil, err)`},
	}},
	{Name: "a dial waits for an address that does not answer", Clause: "C9", Row: "dial-addresses", Edits: []Edit{
		{"loop/dial.go", "later(d.loop.engine.clock(), d.cfg.AttemptDelay)", "later(d.loop.engine.clock(), d.cfg.Timeout)"},
	}},
	{Name: "addresses are all tried at once", Clause: "C9", Row: "dial-addresses", Edits: []Edit{
		{"loop/dial.go", "later(d.loop.engine.clock(), d.cfg.AttemptDelay)", "later(d.loop.engine.clock(), 1)"},
	}},
	{Name: "a dial has no time-out", Clause: "C9", Row: "dial-hole", Edits: []Edit{
		{"loop/dial.go", "	l.wheel.Set(&d.limit, later(l.engine.clock(), d.cfg.Timeout))\n", ""},
	}},
	{Name: "a dial's time-out fires 20 ms early", Clause: "C9", Row: "dial-hole", Edits: []Edit{
		{"loop/dial.go", "	l.wheel.Set(&d.limit, later(l.engine.clock(), d.cfg.Timeout))\n", "	l.wheel.Set(&d.limit, later(l.engine.clock(), d.cfg.Timeout-20*time.Millisecond))\n"},
	}},
	{Name: "a dial does not hear of its context's end", Clause: "C7", Row: "dial-hole", Edits: []Edit{
		{"loop/dial.go", "_ = l.force(funcTask(func() { d.finish(nil, context.Cause(d.ctx)) }))", "_ = l"},
	}},
}
