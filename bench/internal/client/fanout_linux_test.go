package client

// One sends, all receive.

import (
	"bytes"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// room passes on what one connection sends to all.
type room struct {
	members []*loop.Conn
	spoil   func(to int, p []byte) []byte
}

func (r *room) OnOpen(c *loop.Conn) error {
	r.members = append(r.members, c)
	return nil
}

func (r *room) OnData(_ *loop.Conn, in []byte) (int, error) {
	for i, m := range r.members {
		p := in
		if r.spoil != nil {
			p = r.spoil(i, in)
		}
		if _, err := m.Write(p); err != nil {
			return 0, err
		}
	}
	return len(in), nil
}

func (r *room) OnClose(c *loop.Conn, _ error) {
	for i, m := range r.members {
		if m == c {
			r.members = append(r.members[:i], r.members[i+1:]...)
			return
		}
	}
}

func TestFanout(t *testing.T) {
	r := new(room)
	addr := serveLoop(t, func(*loop.Conn) loop.Handler { return r })
	for _, spec := range []Spec{
		{Conns: 1, Size: 1},
		{Conns: 300, Size: 64},
		{Conns: 5, Size: 1000, Pipeline: 4},
		{Conns: 3, Size: 70_000, Pipeline: 2},
	} {
		spec.Addr, spec.Mode = addr, Fanout
		g, err := newGenerator(spec)
		must(t, "new", err)
		must(t, "open", g.open())
		for range 2 {
			must(t, "begin", g.begin())
			res := measured(t, g, uint64(3*spec.Conns))
			checkResult(t, res, spec.Size)
			finish(t, g)
			x := res.Extra
			if x["messages"]*float64(spec.Conns) > float64(res.Requests)+float64((len(res.windows)+spec.Pipeline+1)*spec.Conns) || x["messages"] == 0 {
				t.Errorf("%+v: %v messages, %d receipts", spec, x["messages"], res.Requests)
			}
			if x["all max µs"] > float64(res.Latency.Max)/1e3 || x["all p50 µs"]*1e3 < float64(res.Latency.Curve[0].NS) {
				t.Errorf("%+v: until all had it %v, each %+v", spec, x, res.Latency)
			}
		}
		must(t, "close", g.close())
	}
}

func TestFanoutFindsWhoIsLeftOut(t *testing.T) {
	r := &room{spoil: func(to int, p []byte) []byte {
		if to == 2 {
			return nil
		}
		return p
	}}
	g := generatorFor(t, Spec{Addr: serveLoop(t, func(*loop.Conn) loop.Handler { return r }), Mode: Fanout, Conns: 4, Size: 10})
	g.patience = 100 * time.Millisecond
	err := g.open()
	if err == nil || !strings.Contains(err.Error(), "does not receive what connection 0 sends") {
		t.Errorf("error %v, want one that names who receives nothing", err)
	}
}

func TestFanoutFindsAWrongReceiver(t *testing.T) {
	var begun atomic.Bool
	r := &room{spoil: func(to int, p []byte) []byte {
		if to == 2 && begun.Load() {
			p = bytes.Clone(p)
			p[0] ^= 1
		}
		return p
	}}
	g := generatorFor(t, Spec{Addr: serveLoop(t, func(*loop.Conn) loop.Handler { return r }), Mode: Fanout, Conns: 4, Size: 10})
	must(t, "open", g.open())
	begun.Store(true)
	must(t, "begin", g.begin())
	_, err := g.finish()
	if err == nil || !strings.Contains(err.Error(), "byte 0 of its replies is wrong") {
		t.Errorf("error %v, want that a byte is wrong", err)
	}
}
