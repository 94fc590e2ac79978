package loop

// Connections that a turn has something to do for.

// worklist is worked through once a turn. What is added meanwhile waits for the
// next turn, so a connection that keeps adding itself does not keep the loop.
// Its place in the list survives a panic of what is done for a connection.
type worklist struct {
	added, working []*Conn
	done           int       // how many of working
	seen           connFlags // keeps the reads of fetch from being optimised away
}

func (w *worklist) add(c *Conn) { w.added = append(w.added, c) }

// empty tells whether nothing was added for the next turn.
func (w *worklist) empty() bool { return len(w.added) == 0 }

// begin makes what was added what is worked on, unless a panic left some of that.
func (w *worklist) begin() {
	if w.done == len(w.working) {
		w.working, w.added, w.done = w.added, w.working[:0], 0
	}
}

// next returns the next connection, nil when all are done.
func (w *worklist) next() *Conn {
	if w.done == len(w.working) {
		return nil
	}
	if w.done%markGroup == 0 {
		w.fetch()
	}
	c := w.working[w.done]
	w.working[w.done] = nil
	w.done++
	return c
}

// fetch looks at the next group before the first of it is worked on, for the
// reason that markGroup has: a message to thousands of connections puts them all
// here.
func (w *worklist) fetch() {
	for _, c := range w.working[w.done:min(w.done+markGroup, len(w.working))] {
		w.seen |= c.flags
	}
}
