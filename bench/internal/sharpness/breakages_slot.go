package sharpness

// Breakages of slots and raw registrations: C8.

var slotBreakages = []Breakage{
	{Name: "the generation in a token not compared", Clause: "C8", Edits: []Edit{
		{"loop/slot.go", "\tif sl.gen != gen {", "\tif sl.gen != gen && t == nil {"},
	}},
	{Name: "the generation of a slot does not change", Clause: "C8", Edits: []Edit{
		{"loop/slot.go", `	sl.gen++
`, ""},
	}},
	{Name: "tokens without a generation", Clause: "C8", Edits: []Edit{
		{"loop/slot.go", `	if sl.gen != gen {
`, `	if gen != 0 {
`},
		{"loop/slot.go", "uint64(t.at(i).gen)<<32 | uint64(i)", "uint64(i)"},
	}},
	{Name: "a slot keeps its source when it is free", Clause: "C8", Edits: []Edit{
		{"loop/slot.go", `	sl.source = nil
`, ""},
	}},
	{Name: "a registration that the kernel keeps, and its loop with it, never ends", Clause: "C7", Found: "a registration that the kernel would not let go kept its loop for ever", Edits: []Edit{
		{"loop/register.go", "l.stopping && l.slots", "l.stopping && l == nil && l.slots"},
	}},
	{Name: "Register keeps the slot when the kernel refuses", Clause: "C8", Edits: []Edit{
		{"loop/register.go", `		l.slots.remove(r.slot)
		return nil, err`, "\t\treturn nil, err"},
	}},
	{Name: "Register succeeds while the loop ends", Clause: "C7", Edits: []Edit{
		{"loop/register.go", "\tif l.stopping {", "\tif l.stopping && l == nil {"},
	}},
	{Name: "Close leaves a registration open", Clause: "C8", Edits: []Edit{
		{"loop/register.go", `	r.held = false
`, ""},
	}},
	{Name: "a slot given free although the kernel keeps the registration", Clause: "C8", Missed: "its events reach nobody", Edits: []Edit{
		{"loop/register.go", "\tif err == nil || errors", "\tif err != nil || err == nil || errors"},
	}},
	{Name: "Close leaves the slot in use", Clause: "C7", Edits: []Edit{
		{"loop/register.go", "\tif err == nil || errors", "\tif err == nil && r == nil || errors"},
	}},
	{Name: "a function called after Close, where the kernel refused to deregister", Clause: "C8", Edits: []Edit{
		{"loop/register.go", `	if !r.held {
		_ = r.deregister()`, `	if !r.held && r == nil {
		_ = r.deregister()`},
	}},
	{Name: "Modify ignores the interest", Clause: "C8", Edits: []Edit{
		{"loop/register.go", "poller.Modify(r.fd, interest,", "poller.Modify(r.fd, interest&poller.OneShot|poller.Read,"},
	}},
	{Name: "Modify arms a token of an earlier life", Clause: "C8", Edits: []Edit{
		{"loop/register.go", "poller.Modify(r.fd, interest, r.loop.slots.token(r.slot))", "poller.Modify(r.fd, interest, r.loop.slots.token(r.slot)-1<<32)"},
	}},
	{Name: "the end of the loop leaves a registration open", Clause: "C8", Edits: []Edit{
		{"loop/register.go", `	_ = r.Close()
`, ""},
	}},
	{Name: "a panic leaves a registration open", Clause: "C5", Edits: []Edit{
		{"loop/register.go", `	r.loop.culprit = r
`, ""},
	}},
	{Name: "Close does not deregister", Clause: "C8", Edits: []Edit{
		{"loop/register.go", `	err := r.loop.poller.Delete(r.fd)
`, `	var err error
`},
	}},
	{Name: "Register forgets edge and one-shot", Clause: "C8", Edits: []Edit{
		{"loop/register.go", "l.poller.Add(fd, interest,", "l.poller.Add(fd, interest&^(poller.OneShot|poller.Edge),"},
	}},
}
