package stream_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/stream"
)

// Calls under a storm of signals: a process that signals the very thread on which
// they wait, so that poll(2) is interrupted again and again.

// inAStorm runs f on a thread that is signalled without a pause until f is back,
// and fails if not one signal arrived.
func inAStorm(t *testing.T, f func() error) {
	t.Helper()
	arrived := make(chan os.Signal, 1)
	signal.Notify(arrived, syscall.SIGUSR1)
	defer signal.Stop(arrived)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	thread := syscall.Gettid()
	stop, sent := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		defer func() { sent <- n }()
		for {
			syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(os.Getpid()), uintptr(thread), uintptr(syscall.SIGUSR1))
			n++
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Microsecond):
			}
		}
	}()
	err := f()
	close(stop)
	n := <-sent
	<-arrived
	if err != nil {
		t.Fatalf("under %d signals: %v", n, err)
	}
}

func TestConnectTimeoutUnderSignals(t *testing.T) {
	_, to := unanswering(t)
	expectNoNewDescriptor(t, func() {
		const limit = 40 * time.Millisecond
		inAStorm(t, func() error {
			start := time.Now()
			_, err := stream.ConnectTimeout(to, limit)
			if took := time.Since(start); took < limit {
				return fmt.Errorf("limit %v, over after %v", limit, took)
			}
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				return fmt.Errorf("got %v, want os.ErrDeadlineExceeded", err)
			}
			return nil
		})
	})
}

// The accept queue has room only when a place is taken out of it in the middle of
// the storm; the kernel sends the SYN again after a second.
func TestConnectSucceedsUnderSignals(t *testing.T) {
	l, to := unanswering(t)
	inBackground(t, "make room", func() error {
		awaitAsleep("stream.ConnectTimeout")
		for range 2 {
			s, err := awaitAccept(l)
			if err != nil {
				return err
			}
			s.Close()
		}
		return nil
	})
	inAStorm(t, func() error {
		s, err := stream.ConnectTimeout(to, patience)
		if err != nil {
			return err
		}
		return s.Close()
	})
}

// awaitAsleep is untilBlocked for goroutines that may not end the test.
func awaitAsleep(function string) {
	for round := 0; round < 10_000 && !asleepIn(function); round++ {
		pause(round)
	}
}

func TestReadTimeoutUnderSignals(t *testing.T) {
	s, _ := tcpPair(t)
	waits(t, s)
	const limit = 40 * time.Millisecond
	must(t, "SetReadTimeout", s.SetReadTimeout(limit))
	inAStorm(t, func() error {
		start := time.Now()
		_, err := s.Read(make([]byte, 1))
		if took := time.Since(start); took < limit {
			return fmt.Errorf("limit %v, over after %v", limit, took)
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("got %v, want os.ErrDeadlineExceeded", err)
		}
		return nil
	})
}

func TestTransferUnderSignals(t *testing.T) {
	for _, mode := range []string{"blocking", "nonblocking"} {
		t.Run(mode, func(t *testing.T) {
			s, peer := tcpPair(t)
			if mode == "blocking" {
				waits(t, s, peer)
			}
			want := pattern(2<<20, 11)
			inBackground(t, "Write", func() error {
				if err := sendAll(peer, want); err != nil {
					return err
				}
				return peer.Close()
			})
			inAStorm(t, func() error {
				got, err := receiveAll(s)
				if err == nil && string(got) != string(want) {
					err = errors.New("the bytes differ")
				}
				return err
			})
		})
	}
}

func TestCloseEndsReadUnderSignals(t *testing.T) {
	s, _ := tcpPair(t)
	waits(t, s)
	inBackground(t, "Close", func() error {
		awaitAsleep("stream.(*Stream).Read")
		return s.Close()
	})
	inAStorm(t, func() error {
		_, err := s.Read(make([]byte, 1))
		if !isClosed(err) {
			return fmt.Errorf("got %v, want net.ErrClosed", err)
		}
		return nil
	})
}

func TestAcceptUnderSignals(t *testing.T) {
	l := listen(t, loopback4())
	must(t, "SetNonblocking", l.SetNonblocking(false))
	inAStorm(t, func() error {
		done := make(chan error, 1)
		go func() {
			c, err := stream.Connect(mustAddr(l))
			if err == nil {
				err = c.Close()
			}
			done <- err
		}()
		s, err := l.Accept()
		if err != nil {
			return errors.Join(err, <-done)
		}
		_, err = readSome(s, make([]byte, 1))
		if err == io.EOF {
			err = nil
		}
		return errors.Join(err, s.Close(), <-done)
	})
}
