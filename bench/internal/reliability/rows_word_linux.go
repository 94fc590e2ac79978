package reliability

// The row about the other word size.

import "slices"

// plainRows are those that need nothing but Linux, and so a server of any build.
func plainRows() []Row {
	all := slices.Concat(limitRows, endRows, timeRows, callbackRows, loadRows)
	return slices.DeleteFunc(all, func(r Row) bool { return len(r.Needs) > 0 })
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
