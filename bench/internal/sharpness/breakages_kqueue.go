package sharpness

// Breakages of the kqueue backend.

var kqueueBreakages = []Breakage{
	{Name: "a filter for writing is not taken out", Clause: "C8", Kqueue: true, Edits: []Edit{
		{"poller/kqueue.go", `		if held&f.bit != 0 {
			b.change(fd, f.number, sys.EV_DELETE`, `		if held&f.bit != 0 && f.number != sys.EVFILT_WRITE {
			b.change(fd, f.number, sys.EV_DELETE`},
	}},
	{Name: "one-shot registrations stay armed", Clause: "C8", Kqueue: true, Edits: []Edit{
		{"poller/kqueue.go", "\t\tif reg == nil || reg.interest&OneShot == 0 {", "\t\tif reg == nil || reg != nil {"},
	}},
	{Name: "events of an earlier registration are reported", Clause: "C8", Kqueue: true, Missed: "it takes another goroutine between the report and the look at the table", Edits: []Edit{
		{"poller/kqueue.go", "\tif !b.registered(fd) || b.table[fd].generation != k.Data() {", "\tif !b.registered(fd) {"},
	}},
	{Name: "filters that could be put back in part stay", Clause: "C10", Kqueue: true, Found: "a registration of which kqueue could put back a part spun for ever", Edits: []Edit{
		{"poller/kqueue.go", `	b.table[fd] = registration{}
	b.begin()
	b.drop(fd, held)
	b.apply(kq)
`, `	_, b.table[fd] = held, registration{}
`},
	}},
	{Name: "a refused filter counts as held", Clause: "C8", Kqueue: true, Edits: []Edit{
		{"poller/kqueue.go", "\tif gone == 0 && refused == 0 {", "\tif _ = refused; gone == 0 {"},
	}},
	{Name: "the end of the input is not told", Clause: "C3", Kqueue: true, Missed: "with kqueue every connection reads until nothing is left; the tests of package poller hold the flags", Edits: []Edit{
		{"poller/kqueue_rules.go", `		r |= Readable | ReadClosed
`, `		r |= Readable
`},
	}},
	{Name: "an error of the socket is not told", Clause: "C2", Kqueue: true, Missed: "with kqueue every connection reads until nothing is left; the tests of package poller hold the flags", Edits: []Edit{
		{"poller/kqueue_rules.go", "\tif fflags != 0 && filter != filterExcept {", "\tif fflags != 0 && filter == filterExcept {"},
	}},
}
