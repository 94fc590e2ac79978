//go:build unix

package stream_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/stream"
)

// Everything at once from many goroutines. Meant for -race, and true without it:
// the ledger of bytes must balance, and no call may reach a stranger's descriptor.

func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }

// endOfStream reports whether err is how a call may end on a stream that another
// goroutine closes or shuts down.
func endOfStream(err error) bool {
	for _, target := range []error{io.EOF, net.ErrClosed, syscall.EPIPE, syscall.ECONNRESET, syscall.ENOTCONN} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// Close from one goroutine, Read and Write from others, in both modes. The bytes
// of each connection carry its tag: a byte with another tag was written to, or
// read from, a descriptor that had been given to somebody else.
func TestCloseRacingReadAndWrite(t *testing.T) {
	for _, mode := range []string{"nonblocking", "blocking"} {
		t.Run(mode, func(t *testing.T) {
			var group sync.WaitGroup
			failed := make(chan error, 4)
			for worker := range 4 {
				group.Go(func() {
					for round := range 100 {
						if err := closeRace(byte(worker*50+round%50), mode == "blocking"); err != nil {
							failed <- err
							return
						}
					}
				})
			}
			group.Wait()
			close(failed)
			for err := range failed {
				t.Error(err)
			}
		})
	}
}

func closeRace(tag byte, waiting bool) error {
	a, b, err := stream.Pair()
	if err != nil {
		return err
	}
	if waiting {
		if err := errors.Join(a.SetNonblocking(false), b.SetNonblocking(false)); err != nil {
			return err
		}
	}
	p := make([]byte, 999)
	for i := range p {
		p[i] = tag
	}
	var group sync.WaitGroup
	errs := make(chan error, 6)
	for _, s := range []*stream.Stream{a, b} {
		group.Go(func() {
			for {
				if _, err := s.Write(p); err != nil && err != stream.ErrWouldBlock {
					if !endOfStream(err) {
						errs <- fmt.Errorf("Write: %w", err)
					}
					return
				}
				runtime.Gosched()
			}
		})
		group.Go(func() {
			q := make([]byte, 500)
			for {
				n, err := s.Read(q)
				for _, got := range q[:n] {
					if got != tag {
						errs <- fmt.Errorf("read byte %d on the connection with tag %d", got, tag)
						return
					}
				}
				if err != nil && err != stream.ErrWouldBlock {
					if !endOfStream(err) {
						errs <- fmt.Errorf("Read: %w", err)
					}
					return
				}
				runtime.Gosched()
			}
		})
	}
	for range rand.IntN(50) {
		runtime.Gosched()
	}
	group.Go(func() { a.Close() })
	group.Go(func() { b.Close() })
	group.Wait()
	close(errs)
	return <-errs
}

// The ledger: many goroutines write through many handles, many others read, and
// handles are cloned and closed meanwhile. What the writers were told they wrote
// is what the readers got.
func TestByteLedgerOfManyHandles(t *testing.T) {
	eachFamily(t, func(t *testing.T, at stream.Addr) {
		client, server := connected(t, at)
		var sent, received [256]counter
		var writers, readers sync.WaitGroup
		failed := make(chan error, 100)
		for w := range 4 {
			writers.Go(func() {
				if err := writeTagged(client, byte(w), &sent[w]); err != nil {
					failed <- fmt.Errorf("writer %d: %w", w, err)
				}
			})
		}
		for range 4 {
			readers.Go(func() {
				if err := readTagged(server, &received); err != nil {
					failed <- fmt.Errorf("reader: %w", err)
				}
			})
		}
		writers.Wait()
		must(t, "Shutdown", client.Shutdown(stream.ShutWrite))
		readers.Wait()
		close(failed)
		for err := range failed {
			t.Error(err)
		}
		for tag := range sent {
			if s, r := sent[tag].get(), received[tag].get(); s != r {
				t.Errorf("tag %d: %d bytes sent, %d received", tag, s, r)
			}
		}
	})
}

// writeTagged writes through clones that live for a few writes each, by every
// form of Write, and counts what it is told.
func writeTagged(s *stream.Stream, tag byte, sent *counter) error {
	p := make([]byte, 5000)
	for i := range p {
		p[i] = tag
	}
	for range 20 {
		c, err := s.TryClone()
		if err != nil {
			return err
		}
		for range 10 {
			err := await(func() error {
				q := p[:1+rand.IntN(len(p)-1)]
				n, err := writeSomehow(c, q)
				sent.add(n)
				if n > 0 && errors.Is(err, stream.ErrWouldBlock) {
					return nil
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
	return nil
}

func writeSomehow(s *stream.Stream, p []byte) (int, error) {
	switch rand.IntN(4) {
	case 0:
		return s.WriteSome(p)
	case 1:
		return s.WriteVectored([][]byte{p[:len(p)/2], nil, p[len(p)/2:]})
	case 2:
		n, err := s.WriteBuffers(&net.Buffers{p[:len(p)/3], p[len(p)/3:]})
		return int(n), err
	default:
		return s.Write(p)
	}
}

func readTagged(s *stream.Stream, received *[256]counter) error {
	p := make([]byte, 3000)
	for {
		c, err := s.TryClone()
		if err != nil {
			return err
		}
		for range 10 {
			n, err := readSome(c, p)
			for _, b := range p[:n] {
				received[b].add(1)
			}
			if err == io.EOF {
				return c.Close()
			}
			if err != nil {
				return err
			}
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
}

// One writer, one reader, and others who do at random whatever ends a stream:
// the reader gets a prefix of what was written, without a gap.
func TestRandomEndGivesAPrefix(t *testing.T) {
	data := pattern(1<<20, 5)
	for range 25 {
		client, server, err := stream.Pair()
		must(t, "Pair", err)
		ends := []func(){
			func() { client.Close() }, func() { server.Close() },
			func() { client.Shutdown(stream.ShutWrite) }, func() { server.Shutdown(stream.ShutRead) },
			func() { client.Shutdown(stream.ShutBoth) }, func() { server.Shutdown(stream.ShutBoth) },
		}
		var sent int
		var got []byte
		var group sync.WaitGroup
		group.Go(func() {
			for sent < len(data) {
				n, err := client.Write(data[sent:min(len(data), sent+9000)])
				sent += n
				if err != nil && err != stream.ErrWouldBlock {
					return
				}
				runtime.Gosched()
			}
			client.Close()
		})
		group.Go(func() {
			p := make([]byte, 5000)
			for {
				n, err := server.Read(p)
				got = append(got, p[:n]...)
				if err != nil && err != stream.ErrWouldBlock {
					return
				}
				runtime.Gosched()
			}
		})
		group.Go(func() {
			for range rand.IntN(300) {
				runtime.Gosched()
			}
			ends[rand.IntN(len(ends))]()
		})
		group.Wait()
		client.Close()
		server.Close()
		if len(got) > sent {
			t.Fatalf("received %d bytes, %d were sent", len(got), sent)
		}
		expectBytes(t, got, data[:len(got)])
	}
}

var randomSeed = flag.Uint64("random.seed", 0, "first seed of the random calls")

// Every method from many goroutines at random; the only assertion besides the
// race detector's is how calls may fail.
func TestEveryMethodFromEveryGoroutine(t *testing.T) {
	for round := *randomSeed; round < *randomSeed+10; round++ {
		client, server := connected(t, loopback4())
		var group sync.WaitGroup
		failed := make(chan error, 100)
		for worker := range 6 {
			s := []*stream.Stream{client, server}[worker%2]
			group.Go(func() {
				random := rand.New(rand.NewPCG(round, uint64(worker)))
				for range 150 {
					if err := anyCall(s, random); err != nil && !endOfStream(err) &&
						!errors.Is(err, stream.ErrWouldBlock) && !errors.Is(err, os.ErrDeadlineExceeded) {
						failed <- err
						return
					}
				}
				if worker >= 4 {
					s.Close()
				}
			})
		}
		group.Wait()
		close(failed)
		for err := range failed {
			t.Errorf("%v (%T), with -random.seed %d", err, err, round)
		}
		client.Close()
		server.Close()
	}
}

func anyCall(s *stream.Stream, random *rand.Rand) (err error) {
	p := make([]byte, 700)
	switch random.IntN(18) {
	case 0, 1:
		_, err = s.Read(p)
	case 2, 3:
		_, err = s.Write(p)
	case 4:
		_, err = s.Peek(p)
	case 5:
		_, err = s.ReadVectored([][]byte{p[:3], p[3:]})
	case 6:
		_, err = s.WriteVectored([][]byte{p[:3], p[3:]})
	case 7:
		c, e := s.TryClone()
		if err = e; err == nil {
			_, err = c.Read(p)
			err = errors.Join(err, c.Close())
		}
	case 8:
		err = s.SetNoDelay(random.IntN(2) == 0)
	case 9:
		_, err = s.PeerAddr()
	case 10:
		_ = s.String()
	case 11:
		err = s.SetReadTimeout(time.Duration(1 + random.IntN(int(time.Millisecond))))
	case 12:
		err = s.SetWriteTimeout(time.Duration(1 + random.IntN(int(time.Millisecond))))
	case 13:
		err = s.SetNonblocking(true)
	case 14:
		if err = s.Acquire(); err == nil {
			s.Release()
		}
	case 15:
		_, err = s.ReadAppend(p[:0])
	case 16:
		_, err = s.TTL()
	case 17:
		if random.IntN(40) == 0 {
			err = s.Shutdown(stream.ShutWrite)
		}
	}
	return err
}

// Close from many goroutines: the descriptor is given back once.
func TestConcurrentCloseClosesOnce(t *testing.T) {
	before := openDescriptors()
	for range 100 {
		a, b, err := stream.Pair()
		must(t, "Pair", err)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() { a.Close() })
			group.Go(func() { b.Close() })
		}
		// Files opened at this moment are the ones that a second close would hit.
		files := make([]*os.File, 0, 4)
		for range 4 {
			f, err := os.Open(os.DevNull)
			must(t, "open", err)
			files = append(files, f)
		}
		group.Wait()
		for _, f := range files {
			must(t, "closing a file that is ours alone", f.Close())
		}
	}
	if after := openDescriptors(); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// Detach against calls and Close: it either gets the descriptor whole or nothing.
func TestDetachRacingCalls(t *testing.T) {
	for range 300 {
		a, b, err := stream.Pair()
		must(t, "Pair", err)
		var group sync.WaitGroup
		detached := -1
		group.Go(func() {
			if fd, err := a.Detach(); err == nil {
				detached = fd
			} else if !isClosed(err) && !errors.Is(err, syscall.EBUSY) {
				t.Errorf("Detach: %v", err)
			}
		})
		group.Go(func() {
			if _, err := a.Write([]byte("x")); err != nil && !isClosed(err) {
				t.Errorf("Write: %v", err)
			}
		})
		group.Go(func() { a.Close() })
		group.Wait()
		if detached >= 0 {
			if _, err := syscall.Write(detached, []byte("y")); err != nil {
				t.Errorf("the detached descriptor: %v", err)
			}
			must(t, "close", syscall.Close(detached))
		} else {
			a.Close()
		}
		if _, err := receiveAll(b); err != nil {
			t.Errorf("the other end: %v", err)
		}
		must(t, "Close", b.Close())
	}
}

func TestListenerCloseRacingAccept(t *testing.T) {
	for range 30 {
		l, err := stream.Listen(loopback4(), stream.ListenOptions{})
		must(t, "Listen", err)
		must(t, "SetNonblocking", l.SetNonblocking(false))
		to := mustAddr(l)
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				for {
					s, err := l.Accept()
					if err != nil {
						if !isClosed(err) {
							t.Errorf("Accept: %v", err)
						}
						return
					}
					s.Close()
				}
			})
		}
		group.Go(func() {
			for range 5 {
				s, err := stream.ConnectTimeout(to, patience)
				if err != nil {
					continue
				}
				s.Close()
			}
		})
		group.Go(func() {
			for range rand.IntN(200) {
				runtime.Gosched()
			}
			l.Close()
		})
		group.Wait()
	}
}
