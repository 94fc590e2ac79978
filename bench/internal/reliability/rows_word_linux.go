package reliability

// The row about the other word size.

import "slices"

var wordRows = []Row{
	{
		Name:    "32-bit",
		Promise: "On 32 bits the rows that need nothing but Linux hold too.",
		Clauses: []string{"C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10"},
		Does:    "those rows, in their small sizes and one after the other, on a server built with GOARCH=386",
		Needs:   []Need{GoTool},
		Own:     true,
		run:     narrow,
	},
}

// plainRows are those that need nothing but Linux, and so a server of any build.
func plainRows() []Row {
	return slices.DeleteFunc(ownWordRows(), func(r Row) bool { return len(r.Needs) > 0 })
}

// narrow runs them on a server of 32 bits, in small sizes.
func narrow(t *Trial) {
	image, err := build386()
	t.Must("build", err)
	t.image, t.Long = image, false
	rows := plainRows()
	for _, row := range rows {
		t.Include(row)
	}
	t.Figure("%d rows", len(rows))
}
