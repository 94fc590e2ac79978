//go:build unix

package loop_test

// Programs in small: what a user of the engine writes.

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// serve starts an engine with one listener, and ends it.
func serve(p loop.Protocol, use func(e *loop.Engine, address string)) {
	e, err := loop.New(loop.Config{Loops: 1})
	if err != nil {
		log.Fatal(err)
	}
	ln, err := e.Listen(loop.ListenConfig{}, "tcp", "127.0.0.1:0", p)
	if err != nil {
		log.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- e.Run(context.Background()) }()
	use(e, ln.Addr().String())
	if err := e.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}
	if err := <-ran; err != nil {
		log.Fatal(err)
	}
}

// ask sends a text, ends its output, and prints what comes back.
func ask(address, text string) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		log.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		log.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", answer)
}

// An echo server.
func Example() {
	echo := loop.HandlerFunc(func(c *loop.Conn, in []byte) (int, error) {
		return c.Write(in)
	})
	e, err := loop.New(loop.Config{})
	if err != nil {
		log.Fatal(err)
	}
	ln, err := e.Listen(loop.ListenConfig{}, "tcp", "127.0.0.1:0", echo.Protocol())
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		ask(ln.Addr().String(), "hello")
		stop()
	}()
	if err := e.Run(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: hello
}

// counting is a handler with state: it numbers the lines of its connection.
type counting struct{ lines int }

func (h *counting) OnData(c *loop.Conn, in []byte) (int, error) {
	line, _, whole := bytes.Cut(in, []byte("\n"))
	if !whole {
		return 0, nil // half a line: wait for more
	}
	h.lines++
	_, err := fmt.Fprintf(c, "%d:%s ", h.lines, line)
	return len(line) + 1, err
}

func (h *counting) OnClose(*loop.Conn, error) {}

// The state of a connection lives in its handler; a message that is not whole
// is left and offered again.
func ExampleHandler() {
	protocol := func(*loop.Conn) loop.Handler { return new(counting) }
	serve(protocol, func(_ *loop.Engine, address string) {
		ask(address, "one\ntwo\nthree\n")
	})
	// Output: 1:one 2:two 3:three
}

func ExampleEngine_Dial() {
	echo := loop.HandlerFunc(func(c *loop.Conn, in []byte) (int, error) {
		return c.Write(in)
	})
	serve(echo.Protocol(), func(e *loop.Engine, address string) {
		answered := make(chan string)
		client := loop.HandlerFunc(func(c *loop.Conn, in []byte) (int, error) {
			if len(in) < len("hello") {
				return 0, nil
			}
			answered <- string(in)
			return len(in), c.Close()
		})
		err := e.Dial(context.Background(), loop.DialConfig{Timeout: 10 * time.Second}, "tcp", address, client.Protocol(),
			func(c *loop.Conn, err error) {
				if err != nil {
					log.Fatal(err)
				}
				if _, err := c.WriteString("hello"); err != nil {
					log.Fatal(err)
				}
			})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(<-answered)
	})
	// Output: hello
}

// Timers belong to a loop's goroutine, so they are set from a callback or a
// posted function.
func ExampleLoop_AfterFunc() {
	serve(loop.HandlerFunc(nil).Protocol(), func(e *loop.Engine, _ string) {
		l := e.Loops()[0]
		done := make(chan struct{})
		err := l.Post(func() {
			never := l.AfterFunc(time.Hour, func() { fmt.Println("never") })
			l.AfterFunc(time.Millisecond, func() {
				fmt.Println("stopped:", never.Stop())
				close(done)
			})
		})
		if err != nil {
			log.Fatal(err)
		}
		<-done
	})
	// Output: stopped: true
}

// Other goroutines reach a connection through its Ref.
func ExampleConn_Ref() {
	protocol := func(c *loop.Conn) loop.Handler {
		ref := c.Ref()
		return loop.HandlerFunc(func(_ *loop.Conn, in []byte) (int, error) {
			question := string(in) // in is the engine's after the callback
			go func() {
				// Whatever takes long.
				if _, err := ref.Write([]byte("answer to " + question)); err != nil {
					return // the connection is gone
				}
				_ = ref.Close()
			}()
			return len(in), nil
		})
	}
	serve(protocol, func(_ *loop.Engine, address string) {
		c, err := net.Dial("tcp", address)
		if err != nil {
			log.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "question"); err != nil {
			log.Fatal(err)
		}
		answer, err := io.ReadAll(c)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", answer)
	})
	// Output: answer to question
}

// A protocol is upgraded in place: the next handler is offered what the first
// left.
func ExampleConn_SetHandler() {
	upper := loop.HandlerFunc(func(c *loop.Conn, in []byte) (int, error) {
		return c.Write(bytes.ToUpper(in))
	})
	first := loop.HandlerFunc(func(c *loop.Conn, in []byte) (int, error) {
		line, _, whole := bytes.Cut(in, []byte("\n"))
		if !whole {
			return 0, nil
		}
		if string(line) != "UPGRADE" {
			return 0, fmt.Errorf("unknown command %q", line)
		}
		c.SetHandler(upper)
		return len(line) + 1, nil
	})
	serve(first.Protocol(), func(_ *loop.Engine, address string) {
		ask(address, "UPGRADE\nand shout")
	})
	// Output: AND SHOUT
}
