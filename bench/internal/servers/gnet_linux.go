package servers

// gnet: one event loop, everything else as it is by default.

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/bench/internal/workload"
)

const gnetModule = "github.com/panjf2000/gnet/v2"

func serveGnet(ctx context.Context, p workload.Protocol, addr string, ready func(string)) error {
	boot := gnetBoot{ctx: ctx, ready: ready}
	handler, err := gnetHandler(p, &boot)
	if err != nil {
		return err
	}
	network := "tcp://"
	if p == workload.UDPEcho {
		network = "udp://"
	}
	err = gnet.Run(handler, network+addr, gnet.WithNumEventLoop(1), gnet.WithLogger(gnetLog{}))
	return errors.Join(err, boot.err)
}

func gnetHandler(p workload.Protocol, boot *gnetBoot) (gnet.EventHandler, error) {
	switch p {
	case workload.Echo, workload.UDPEcho:
		return &gnetEcho{gnetBoot: boot}, nil
	case workload.Fanout:
		return &gnetFanout{gnetBoot: boot}, nil
	}
	connect, err := workload.New(p)
	if err != nil {
		return nil, err
	}
	return &gnetAnswer{gnetBoot: boot, connect: connect}, nil
}

// gnetBoot tells the address and lets the engine end with ctx.
type gnetBoot struct {
	gnet.BuiltinEventEngine
	ctx   context.Context
	ready func(string)
	err   error
}

func (b *gnetBoot) OnBoot(e gnet.Engine) gnet.Action {
	var addr string
	if addr, b.err = gnetAddr(e); b.err != nil {
		return gnet.Shutdown
	}
	// With a context that has ended, Stop does not wait; Run does.
	context.AfterFunc(b.ctx, func() { _ = e.Stop(b.ctx) })
	b.ready(addr)
	return gnet.None
}

// gnetAddr returns the address of the engine's listener.
func gnetAddr(e gnet.Engine) (string, error) {
	fd, err := e.Dup()
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return "", os.NewSyscallError("getsockname", err)
	}
	v4, ok := sa.(*unix.SockaddrInet4)
	if !ok {
		return "", errors.New("the listener has no IPv4 address")
	}
	return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), uint16(v4.Port)).String(), nil
}

type gnetEcho struct{ *gnetBoot }

func (*gnetEcho) OnTraffic(c gnet.Conn) gnet.Action {
	in, _ := c.Next(-1)
	if _, err := c.Write(in); err != nil {
		return gnet.Close
	}
	return gnet.None
}

// gnetFanout writes directly, which is allowed because all connections are on one
// loop, and spares the task for each connection that AsyncWrite would queue.
type gnetFanout struct {
	*gnetBoot
	all members[gnet.Conn]
}

func (f *gnetFanout) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	f.all.add(c)
	return nil, gnet.None
}

func (f *gnetFanout) OnClose(c gnet.Conn, _ error) gnet.Action {
	f.all.remove(c)
	return gnet.None
}

func (f *gnetFanout) OnTraffic(c gnet.Conn) gnet.Action {
	in, _ := c.Next(-1)
	for _, to := range f.all.now() {
		// One that has ended is closed by Write.
		_, _ = to.Write(in)
	}
	return gnet.None
}

// gnetAnswer leaves what is not consumed in the connection's own buffer.
type gnetAnswer struct {
	*gnetBoot
	connect func() workload.Responder
	reply   []byte // one for all connections: they are on one loop
}

func (a *gnetAnswer) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	c.SetContext(a.connect())
	return nil, gnet.None
}

func (a *gnetAnswer) OnTraffic(c gnet.Conn) gnet.Action {
	in, _ := c.Peek(-1)
	used, out, ended := c.Context().(workload.Responder)(in, a.reply[:0])
	a.reply = out
	if used > 0 { // Discard takes 0 for everything
		_, _ = c.Discard(used)
	}
	if len(out) > 0 {
		if _, err := c.Write(out); err != nil {
			return gnet.Close
		}
	}
	if ended != nil {
		return gnet.Close
	}
	return gnet.None
}

// gnetLog reports what went wrong; gnet's own logger writes to standard output,
// where a server answers its parent.
type gnetLog struct{}

func (gnetLog) Debugf(string, ...any)          {}
func (gnetLog) Infof(string, ...any)           {}
func (gnetLog) Warnf(format string, a ...any)  { fmt.Fprintf(os.Stderr, "gnet: "+format+"\n", a...) }
func (gnetLog) Errorf(format string, a ...any) { fmt.Fprintf(os.Stderr, "gnet: "+format+"\n", a...) }
func (l gnetLog) Fatalf(format string, a ...any) {
	l.Errorf(format, a...)
	os.Exit(1)
}
