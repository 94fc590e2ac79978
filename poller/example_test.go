package poller_test

import (
	"fmt"
	"os"

	"github.com/eddyline/eddyline/poller"
)

func Example() {
	p, err := poller.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()

	r, w, err := os.Pipe()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	defer w.Close()

	fd := int(r.Fd())
	if err := p.Add(fd, poller.Read, 42); err != nil {
		fmt.Println(err)
		return
	}
	defer p.Delete(fd)

	fmt.Fprint(w, "hello")
	events := make([]poller.Event, 16)
	n, err := p.Wait(events, -1)
	fmt.Println(n, err)
	for _, ev := range events[:n] {
		fmt.Println(ev.Token, ev.Ready)
	}
	// Output:
	// 1 <nil>
	// 42 readable
}
