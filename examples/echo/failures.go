package main

// What went wrong on single connections.

// maxCauses bounds what is remembered of them.
const maxCauses = 5

// cause is what some connections failed of.
type cause struct {
	Text  string
	First int // the first connection it happened to
	Count int64
}

// failures counts connections that failed and keeps the first causes.
type failures struct {
	total  int64
	causes []cause
}

func (f *failures) add(connection int, text string) {
	f.note(cause{text, connection, 1})
	f.total++
}

// merge adds what other has counted.
func (f *failures) merge(other *failures) {
	for _, c := range other.causes {
		f.note(c)
	}
	f.total += other.total
}

func (f *failures) note(c cause) {
	for i := range f.causes {
		if f.causes[i].Text == c.Text {
			f.causes[i].Count += c.Count
			f.causes[i].First = min(f.causes[i].First, c.First)
			return
		}
	}
	if len(f.causes) < maxCauses {
		f.causes = append(f.causes, c)
	}
}
