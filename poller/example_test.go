//go:build (linux && !simkernel) || darwin || freebsd || netbsd || openbsd || dragonfly

package poller_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"os"
	"time"

	"github.com/eddyline/eddyline/poller"
)

// pipe gives a poller and both ends of a pipe with their descriptors.
func pipe() (p *poller.Poller, r, w *os.File, done func()) {
	p, err := poller.New()
	if err != nil {
		log.Fatal(err)
	}
	r, w, err = os.Pipe()
	if err != nil {
		log.Fatal(err)
	}
	return p, r, w, func() { p.Close(); r.Close(); w.Close() }
}

func Example() {
	p, r, w, done := pipe()
	defer done()

	if err := p.Add(int(r.Fd()), poller.Read, 42); err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(w, "hello")

	events := make([]poller.Event, 16)
	n, err := p.Wait(events, -1)
	if err != nil {
		log.Fatal(err)
	}
	for _, ev := range events[:n] {
		buf := make([]byte, 64)
		n, _ := r.Read(buf)
		fmt.Printf("%d is %v: %s\n", ev.Token, ev.Ready, buf[:n])
	}
	// Output: 42 is readable: hello
}

func ExampleNew() {
	p, err := poller.New()
	if errors.Is(err, errors.ErrUnsupported) {
		return // neither epoll nor kqueue here
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.Close())
	// Output: <nil>
}

func ExamplePoller_Add() {
	p, r, _, done := pipe()
	defer done()

	fd := int(r.Fd())
	fmt.Println(p.Add(fd, poller.Read|poller.Edge, 1))
	err := p.Add(fd, poller.Read, 2)
	fmt.Println(errors.Is(err, fs.ErrExist))
	// Output:
	// <nil>
	// true
}

func ExamplePoller_Modify() {
	p, _, w, done := pipe()
	defer done()

	fd := int(w.Fd())
	if err := p.Add(fd, poller.Write|poller.OneShot, 1); err != nil {
		log.Fatal(err)
	}
	events := make([]poller.Event, 16)
	n, _ := p.Wait(events, -1)
	fmt.Println(events[:n])
	n, _ = p.Wait(events, 0)
	fmt.Println(events[:n])

	// Modify arms the descriptor again.
	if err := p.Modify(fd, poller.Write|poller.OneShot, 2); err != nil {
		log.Fatal(err)
	}
	n, _ = p.Wait(events, -1)
	fmt.Println(events[:n])
	// Output:
	// [{1 writable}]
	// []
	// [{2 writable}]
}

func ExamplePoller_Delete() {
	p, r, _, done := pipe()
	defer done()

	fd := int(r.Fd())
	if err := p.Add(fd, poller.Read, 1); err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.Delete(fd))
	fmt.Println(errors.Is(p.Delete(fd), fs.ErrNotExist))
	// Output:
	// <nil>
	// true
}

func ExamplePoller_Wait() {
	p, r, w, done := pipe()
	defer done()

	if err := p.Add(int(r.Fd()), poller.Read, 1); err != nil {
		log.Fatal(err)
	}
	events := make([]poller.Event, 16)
	n, err := p.Wait(events, 5*time.Millisecond)
	fmt.Println("time-out:", n, err)

	w.Close()
	n, err = p.Wait(events, -1)
	fmt.Println("end of file:", n, err, events[0].Readable(), events[0].ReadClosed())
	// Output:
	// time-out: 0 <nil>
	// end of file: 1 <nil> true true
}

func ExamplePoller_Wake() {
	p, _, _, done := pipe()
	defer done()

	work := make(chan string, 8)
	go func() {
		work <- "queued before Wake"
		if err := p.Wake(); err != nil {
			log.Fatal(err)
		}
	}()
	if _, err := p.Wait(make([]poller.Event, 16), -1); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-work)
	// Output: queued before Wake
}

func ExamplePoller_Close() {
	p, _, _, done := pipe()
	defer done()

	go p.Close()
	_, err := p.Wait(make([]poller.Event, 16), -1)
	fmt.Println(errors.Is(err, net.ErrClosed))
	fmt.Println(p.Wake())
	// Output:
	// true
	// poller: wake: use of closed network connection
}
