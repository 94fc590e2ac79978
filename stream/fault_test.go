//go:build faultinject && linux

package stream_test

// Every constructor with its k-th system call failing, for every k: nothing is
// left behind, and the error says what failed and where.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
	"github.com/eddyline/eddyline/stream"
)

// errInjected is no error that any of the calls is answered by otherwise.
const errInjected = syscall.EL2HLT

// constructor is a case: build makes something that Close undoes.
type constructor struct {
	address string // what its errors must name
	build   func() (io.Closer, error)
	// forgiven are calls whose failure is made good for.
	forgiven []sys.Call
}

func TestEveryCallOfEveryConstructorFailing(t *testing.T) {
	for name, c := range constructors(t) {
		t.Run(name, func(t *testing.T) {
			calls := 0
			for c.surviveFailureOf(t, calls+1) {
				calls++
			}
			if calls == 0 {
				t.Error("no system call was made to fail")
			}
		})
	}
}

// surviveFailureOf makes the k-th call fail and reports whether there was one.
func (c *constructor) surviveFailureOf(t *testing.T, k int) bool {
	t.Helper()
	before := openDescriptors()
	var count atomic.Int64
	var failed atomic.Value
	remove := sys.Inject(func(call sys.Call) sys.Errno {
		// A failing close closes all the same, so it tells nothing.
		if call == sys.CallClose || count.Add(1) != int64(k) {
			return 0
		}
		failed.Store(call)
		return errInjected
	})
	made, err := c.build()
	remove()
	if err == nil {
		must(t, "Close", made.Close())
	}
	call, _ := failed.Load().(sys.Call)
	what := fmt.Sprintf("call %d, %s,", k, call)
	until(t, what+" leaves as many descriptors as there were", func() bool { return openDescriptors() == before })
	switch {
	case call == "":
		must(t, "without a failing call", err)
		return false
	case err == nil:
		if !slices.Contains(c.forgiven, call) {
			t.Errorf("%s failed, and nobody noticed", what)
		}
	default:
		c.expectNamed(t, what, call, err)
	}
	return true
}

// With 0, 1, 2 and so on descriptors left, each fails until there are enough; two make
// none.
func TestEveryConstructorWithFewDescriptors(t *testing.T) {
	none := []string{"FromFD", "ListenerFromFD"}
	for name, c := range constructors(t) {
		t.Run(name, func(t *testing.T) {
			left := 0
			for !c.sufficient(t, left) {
				left++
			}
			if (left == 0) != slices.Contains(none, name) {
				t.Errorf("it needs %d descriptors", left)
			}
		})
	}
}

// sufficient builds with so many descriptors left and reports whether they are enough.
func (c *constructor) sufficient(t *testing.T, left int) bool {
	t.Helper()
	before := openDescriptors()
	remove := sys.InjectRules(sys.Rules{Exhaust: left + 1})
	made, err := c.build()
	remove()
	if err == nil {
		must(t, "Close", made.Close())
	}
	until(t, "as many descriptors are open as before", func() bool { return openDescriptors() == before })
	if err != nil && (!errors.Is(err, syscall.EMFILE) || !strings.Contains(err.Error(), c.address)) {
		t.Fatalf("with %d left: %v names not EMFILE, or not %s", left, err, c.address)
	}
	return err == nil
}

func (c *constructor) expectNamed(t *testing.T, what string, call sys.Call, err error) {
	t.Helper()
	var op *net.OpError
	if !errors.As(err, &op) || op.Op == "" || !errors.Is(err, errInjected) {
		t.Errorf("%s failed: %v names no operation, or not the cause", what, err)
	}
	for _, part := range []string{c.address, string(call)} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s failed: %q does not name %s", what, err, part)
		}
	}
}

func constructors(t *testing.T) map[string]*constructor {
	tcp, unix := listen(t, loopback4()), listen(t, stream.UnixAddr(socketPath(t)))
	all := map[string]*constructor{}
	addConnects(all, listenerAddr(t, tcp), listenerAddr(t, unix))
	addListens(t, all)
	addHandles(t, all, tcp)
	addConversions(t, all)
	return all
}

func addConnects(all map[string]*constructor, tcp, unix stream.Addr) {
	for name, addr := range map[string]stream.Addr{"tcp": tcp, "unix": unix} {
		all["Connect "+name] = &constructor{addr.String(), closer(func() (*stream.Stream, error) {
			return stream.Connect(addr)
		}), nil}
		all["ConnectTimeout "+name] = &constructor{addr.String(), closer(func() (*stream.Stream, error) {
			return stream.ConnectTimeout(addr, time.Minute)
		}), nil}
		all["Start "+name] = &constructor{addr.String(), closer(func() (*stream.Stream, error) {
			return finish(stream.Start(addr))
		}), nil}
		all["Dial "+name] = &constructor{addr.String(), closer(func() (*stream.Stream, error) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			return stream.Dial(ctx, addr.Network(), strings.TrimPrefix(addr.String(), "unix:"))
		}), nil}
	}
	all["StartFrom"] = &constructor{tcp.String(), closer(func() (*stream.Stream, error) {
		return finish(stream.StartFrom(loopback4(), tcp))
	}), []sys.Call{sys.CallSetsockopt}} // without it the port is chosen earlier
}

func finish(s *stream.Stream, err error) (*stream.Stream, error) {
	if err != nil {
		return nil, err
	}
	if err := await(s.FinishConnect); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func addListens(t *testing.T, all map[string]*constructor) {
	listening := func(addr stream.Addr, options stream.ListenOptions) func() (io.Closer, error) {
		return closer(func() (*stream.Listener, error) { return stream.Listen(addr, options) })
	}
	all["Listen tcp"] = &constructor{"127.0.0.1:", listening(loopback4(), stream.ListenOptions{ReusePort: true}), nil}
	if haveIPv6() {
		anywhere := stream.AddrFrom(netip.AddrPortFrom(netip.IPv6Unspecified(), 0))
		all["Listen tcp both"] = &constructor{"[::]:", listening(anywhere, stream.ListenOptions{}),
			[]sys.Call{sys.CallSetsockopt}} // to take IPv4, too, which some systems cannot
		all["Listen tcp6"] = &constructor{"[::1]:", listening(loopback6(), stream.ListenOptions{IPv6Only: true}), nil}
	}
	path := socketPath(t)
	onPath := listening(stream.UnixAddr(path), stream.ListenOptions{Mode: 0o600})
	all["Listen unix"] = &constructor{path, func() (io.Closer, error) {
		l, err := onPath()
		if err != nil {
			if _, left := os.Lstat(path); left == nil {
				return nil, errors.Join(err, errors.New("the socket's file is left"))
			}
		}
		return l, err
	}, nil}
}

// addHandles adds what makes a Stream or a Listener from another.
func addHandles(t *testing.T, all map[string]*constructor, l *stream.Listener) {
	at := listenerAddr(t, l).String()
	first, _ := tcpPair(t)
	peer, err := first.PeerAddr()
	must(t, "PeerAddr", err)
	all["TryClone"] = &constructor{peer.String(), closer(first.TryClone), nil}
	all["Listener.TryClone"] = &constructor{at, closer(l.TryClone), nil}
	all["Accept"] = &constructor{at, afterDial(t, at, closer(l.Accept)), nil}
	all["AcceptFD"] = &constructor{at, afterDial(t, at, func() (io.Closer, error) {
		fd, _, err := l.AcceptFD()
		return number(fd), err
	}), nil}
	all["Pair"] = &constructor{"unix:", func() (io.Closer, error) {
		a, b, err := stream.Pair()
		if err != nil {
			return nil, err
		}
		return both{a, b}, nil
	}, nil}
}

// afterDial runs build while a connection waits at an address.
func afterDial(t *testing.T, at string, build func() (io.Closer, error)) func() (io.Closer, error) {
	return func() (io.Closer, error) {
		peer, err := net.Dial("tcp", at) // no call of ours
		must(t, "Dial", err)
		defer peer.Close()
		return build()
	}
}

// addConversions adds what takes something over that stays the caller's on an
// error.
func addConversions(t *testing.T, all map[string]*constructor) {
	all["FromFD"] = &constructor{"descriptor", func() (io.Closer, error) {
		pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		must(t, "socketpair", err)
		defer syscall.Close(pair[1])
		return ours(number(pair[0]), func() (io.Closer, error) { return stream.FromFD(pair[0]) })
	}, nil}
	all["ListenerFromFD"] = &constructor{"descriptor", func() (io.Closer, error) {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		must(t, "socket", err)
		must(t, "listen", syscall.Listen(fd, 1))
		return ours(number(fd), func() (io.Closer, error) { return stream.ListenerFromFD(fd) })
	}, nil}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, "Listen", err)
	t.Cleanup(func() { l.Close() })
	all["FromConn"] = &constructor{"descriptor", func() (io.Closer, error) {
		conn, err := net.Dial("tcp", l.Addr().String())
		must(t, "Dial", err)
		return ours(conn, func() (io.Closer, error) { return stream.FromConn(conn) })
	}, nil}
	// Its first calls are those of FromFD, which does not know the address yet.
	all["NetConn"] = &constructor{"", func() (io.Closer, error) {
		pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		must(t, "socketpair", err)
		defer syscall.Close(pair[1])
		s, err := stream.FromFD(pair[0])
		if err != nil {
			syscall.Close(pair[0])
			return nil, err
		}
		return ours(s, func() (io.Closer, error) { return s.NetConn() })
	}, nil}
}

// ours closes what a conversion that failed has left with its caller, once, as
// the caller does.
func ours(from io.Closer, convert func() (io.Closer, error)) (io.Closer, error) {
	to, err := convert()
	if err == nil {
		return to, nil
	}
	if closing := from.Close(); closing != nil {
		err = errors.Join(err, fmt.Errorf("taken although the conversion failed: %w", closing))
	}
	return nil, err
}

type number int

func (fd number) Close() error { return syscall.Close(int(fd)) }

// closer gives the result of a constructor its general type.
func closer[T io.Closer](build func() (T, error)) func() (io.Closer, error) {
	return func() (io.Closer, error) { return build() }
}

type both struct{ a, b io.Closer }

func (c both) Close() error { return errors.Join(c.a.Close(), c.b.Close()) }

// A process without a descriptor left cannot make the one that ends a wait; calls
// wait all the same, and end.
func TestWaitWithoutWaker(t *testing.T) {
	for name, end := range map[string]func(s, peer *stream.Stream) error{
		"data":     func(_, peer *stream.Stream) error { return sendAll(peer, []byte("x")) },
		"close":    func(s, _ *stream.Stream) error { return s.Close() },
		"shutdown": func(s, _ *stream.Stream) error { return s.Shutdown(stream.ShutRead) },
		"timeout":  func(*stream.Stream, *stream.Stream) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			s, peer := tcpPair(t)
			waits(t, s)
			want := map[string]error{"close": net.ErrClosed, "shutdown": io.EOF, "timeout": os.ErrDeadlineExceeded}[name]
			const limit = 30 * time.Millisecond // more than one unwakeable wait
			if name == "timeout" {
				must(t, "SetReadTimeout", s.SetReadTimeout(limit))
			}
			defer sys.Inject(func(call sys.Call) sys.Errno {
				if call == sys.CallEventfd {
					return syscall.EMFILE
				}
				return 0
			})()
			start := time.Now()
			result := make(chan error, 1)
			go func() {
				_, err := s.Read(make([]byte, 1))
				result <- err
			}()
			if name != "timeout" {
				untilBlocked(t, "stream.(*Stream).Read")
			}
			must(t, name, end(s, peer))
			if err := <-result; !errors.Is(err, want) {
				t.Errorf("Read: %v, want %v", err, want)
			}
			if name == "timeout" && time.Since(start) < limit {
				t.Errorf("expired after %v, limit %v", time.Since(start), limit)
			}
		})
	}
}
