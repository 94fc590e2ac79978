package client

// The closed loop: a fixed number of messages outstanding per connection.

type closedLoop struct {
	g     *generator
	conns []*conn
}

func (d *closedLoop) open() { d.connect(true, d.g.answered, d.g.complete) }

// connect opens the connections under load; again is whether replies make
// messages due, answer is told of them.
func (d *closedLoop) connect(again bool, answer func(at, now int64, n int), then func()) {
	openConns(d.g, d.g.spec.Conns, &d.conns, func() {
		for _, c := range d.conns {
			c.answer, c.again = answer, again
		}
		then()
	})
}

func (d *closedLoop) begin() {
	now := d.g.now()
	for _, c := range d.conns {
		c.demand(now, d.g.spec.Pipeline)
	}
}

func (d *closedLoop) finish() {
	for _, c := range d.conns {
		c.forget()
	}
	d.g.whenIdle(d.g.complete)
}

func (d *closedLoop) measured(*window) {}
func (d *closedLoop) stuck() error     { return stuckConn(d.conns) }
func (d *closedLoop) reset()           { abort(d.conns) }
