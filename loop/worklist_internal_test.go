package loop

// The list of connections that a turn works through.

import "testing"

func TestAWorklistGivesEachOnceAndInOrder(t *testing.T) {
	for _, n := range []int{0, 1, markGroup - 1, markGroup, markGroup + 1, 5*markGroup + 3} {
		var w worklist
		conns := make([]Conn, n)
		for i := range conns {
			w.add(&conns[i])
		}
		w.begin()
		for i := range conns {
			if i == n/2 {
				w.begin() // a panic resumes the turn: it goes on where it was
			}
			if c := w.next(); c != &conns[i] {
				t.Fatalf("of %d, number %d is not the one that was added as such", n, i)
			}
			w.add(&conns[i]) // again: that is for the next turn
		}
		if w.next() != nil {
			t.Fatalf("of %d, more are given than were added", n)
		}
		if w.empty() != (n == 0) {
			t.Fatalf("of %d, those for the next turn are lost", n)
		}
		w.begin()
		for i := range conns {
			if c := w.next(); c != &conns[i] {
				t.Fatalf("of %d, number %d is not the one that was added for the next turn", n, i)
			}
		}
	}
}

func TestAWorklistKeepsNoConnection(t *testing.T) {
	var w worklist
	for range 2 * markGroup {
		w.add(new(Conn))
	}
	w.begin()
	for w.next() != nil {
	}
	for i, c := range w.working[:cap(w.working)] {
		if c != nil {
			t.Fatalf("place %d still refers to its connection", i)
		}
	}
}
