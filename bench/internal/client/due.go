package client

// When the messages became due that have not been answered yet.

// run is a number of messages that became due at one moment.
type run struct {
	at int64 // nanoseconds on the generator's clock
	n  int
}

// dueQueue is a queue of such moments, in the order in which replies come. Its
// memory grows to the longest it has been; the zero queue is empty.
type dueQueue struct {
	runs []run // a ring, its length a power of two
	head int
	used int
	n    int // messages in all
}

func (q *dueQueue) at(i int) *run { return &q.runs[(q.head+i)&(len(q.runs)-1)] }

// push appends n messages that are due at the moment at.
func (q *dueQueue) push(at int64, n int) {
	q.n += n
	if q.used > 0 {
		if last := q.at(q.used - 1); last.at == at {
			last.n += n
			return
		}
	}
	if q.used == len(q.runs) {
		q.grow()
	}
	q.used++
	*q.at(q.used - 1) = run{at, n}
}

func (q *dueQueue) grow() {
	bigger := make([]run, max(2, 2*len(q.runs)))
	for i := range q.used {
		bigger[i] = *q.at(i)
	}
	q.runs, q.head = bigger, 0
}

// take removes up to limit of the oldest messages, all due at one moment.
func (q *dueQueue) take(limit int) run {
	first := q.at(0)
	r := run{first.at, min(limit, first.n)}
	q.n -= r.n
	first.n -= r.n
	if first.n == 0 {
		q.head = (q.head + 1) & (len(q.runs) - 1)
		q.used--
	}
	return r
}

// drop removes the n newest messages.
func (q *dueQueue) drop(n int) {
	q.n -= n
	for n > 0 {
		last := q.at(q.used - 1)
		k := min(n, last.n)
		last.n -= k
		n -= k
		if last.n == 0 {
			q.used--
		}
	}
}
