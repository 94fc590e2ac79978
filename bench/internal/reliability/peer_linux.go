package reliability

// Whom the server dials: a listener whose connections are clients of the row.

import (
	"errors"
	"net"
	"time"
)

// peer is whom the server dials.
type peer struct {
	*net.TCPListener
	t *Trial
}

// peer listens where the server can connect to, on loopback if n is nil.
func (t *Trial) peer(n *Network, addr string) *peer {
	var ln net.Listener
	listen := func() (err error) {
		ln, err = net.Listen("tcp4", addr)
		return err
	}
	if n == nil {
		t.Must("listen", listen())
	} else {
		t.Must("listen", n.In(n.Near, listen))
	}
	t.Undo(func() { ln.Close() })
	return &peer{ln.(*net.TCPListener), t}
}

// accept takes so many connections from the queue.
func (p *peer) accept(n int) []*Client {
	var clients []*Client
	for range n {
		_ = p.SetDeadline(time.Now().Add(p.t.Patience))
		c, err := p.AcceptTCP()
		if isTimeout(err) {
			p.t.Fail(Hung, "%d of %d connections have come: %v", len(clients), n, err)
		}
		p.t.Must("accept", err)
		clients = append(clients, p.client(c))
	}
	return clients
}

// queued accepts what is there, until nothing has come for a moment.
func (p *peer) queued() (clients []*Client) {
	for {
		_ = p.SetDeadline(time.Now().Add(50 * time.Millisecond))
		c, err := p.AcceptTCP()
		if isTimeout(err) {
			return clients
		}
		p.t.Must("accept", err)
		clients = append(clients, p.client(c))
	}
}

// client is a client of the row.
func (p *peer) client(nc *net.TCPConn) *Client {
	c := p.t.newClient(nc, p.t.next)
	p.t.next++
	p.t.clients = append(p.t.clients, c)
	return c
}

// serve wants so many of the connections that come to work. Others, which the server has
// given up, end before a byte has come back.
func (p *peer) serve(n int) error {
	for n > 0 {
		c := p.accept(1)[0]
		_ = c.Send(64) // it may be over by then
		got, err := c.receive(64)
		if b := new(Breach); got == 0 && !(errors.As(err, &b) && b.Outcome == Hung) {
			c.Close()
			continue
		}
		if err == nil {
			err = errors.Join(c.all(64-got), c.Finish())
		}
		if err != nil {
			return err
		}
		n--
	}
	return nil
}
