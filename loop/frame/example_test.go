//go:build unix

package frame_test

// Programs in small: protocols as users of the package write them.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/loop/frame"
)

// converse serves p on loopback to one client, which sends text, ends its output
// and prints what comes back.
func converse(p loop.Protocol, text string) {
	e, err := loop.New(loop.Config{Loops: 1})
	if err != nil {
		log.Fatal(err)
	}
	ln, err := e.Listen(loop.ListenConfig{}, "tcp", "127.0.0.1:0", p)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		defer stop()
		c, err := net.Dial("tcp", ln.Addr().String())
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
		fmt.Printf("%s", answer)
	}()
	if err := e.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// A server and a client that talk in lines.
func Example() {
	lines := frame.Line{Max: 1000}
	hello := func(c *loop.Conn, line []byte) error {
		_, err := fmt.Fprintf(c, "hello %s\n", line)
		return err
	}
	e, err := loop.New(loop.Config{})
	if err != nil {
		log.Fatal(err)
	}
	ln, err := e.Listen(loop.ListenConfig{}, "tcp", "127.0.0.1:0", frame.Protocol(lines.Split, hello))
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	print := func(c *loop.Conn, line []byte) error {
		fmt.Printf("%s\n", line)
		if bytes.HasSuffix(line, []byte("moon")) {
			stop()
		}
		return nil
	}
	err = e.Dial(ctx, loop.DialConfig{}, "tcp", ln.Addr().String(), frame.Protocol(lines.Split, print),
		func(c *loop.Conn, err error) {
			if err != nil {
				log.Fatal(err)
			}
			if _, err := c.WriteString("world\nmoon\n"); err != nil {
				log.Fatal(err)
			}
		})
	if err != nil {
		log.Fatal(err)
	}
	if err := e.Run(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// hello world
	// hello moon
}

// counter is a connection with state: it numbers its lines, and answers the last,
// unfinished one as well.
type counter struct {
	*frame.Handler
	lines int
}

func (s *counter) onLine(c *loop.Conn, line []byte) error {
	s.lines++
	_, err := fmt.Fprintf(c, "%d: %s\n", s.lines, line)
	return err
}

// OnEOF is called when the client has ended its output.
func (s *counter) OnEOF(c *loop.Conn) {
	if !s.End(c) {
		return // a part of a line is left
	}
	_, _ = fmt.Fprintf(c, "%d lines\n", s.lines)
	_ = c.Close()
}

// State and other callbacks stand beside an embedded Handler.
func ExampleHandler() {
	converse(func(*loop.Conn) loop.Handler {
		s := new(counter)
		s.Handler = frame.New(frame.Rest(frame.Line{}.Split), s.onLine)
		return s
	}, "one\ntwo\nthree")
	// Output:
	// 1: one
	// 2: two
	// 3: three
	// 3 lines
}

// A format of one's own is a function.
func ExampleSplit() {
	braces := func(in []byte, seen int, eof bool) (n int, message []byte, err error) {
		if in[0] != '{' {
			return 0, nil, errors.New("message without a brace")
		}
		i := bytes.IndexByte(in[seen:], '}')
		if i < 0 {
			return 0, nil, nil
		}
		n = seen + i + 1
		return n, in[1 : n-1], nil
	}
	converse(frame.Protocol(braces, func(c *loop.Conn, message []byte) error {
		_, err := fmt.Fprintf(c, "%s\n", message)
		return err
	}), "{a}{b c}{}{d}")
	// Output:
	// a
	// b c
	//
	// d
}

// What Append makes, Split takes apart.
func ExampleLength() {
	format := frame.Length{Size: 2}
	var out []byte
	for _, message := range []string{"hello", "", "world"} {
		var err error
		if out, err = format.Append(out, []byte(message)); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Printf("%q\n", out)
	converse(frame.Protocol(format.Split, func(c *loop.Conn, message []byte) error {
		_, err := fmt.Fprintf(c, "%q\n", message)
		return err
	}), string(out))
	// Output:
	// "\x00\x05hello\x00\x00\x00\x05world"
	// "hello"
	// ""
	// "world"
}

// A protocol that begins with lines goes on with binary frames.
func ExampleNew() {
	binary := frame.New(frame.Length{Size: 1}.Split, func(c *loop.Conn, message []byte) error {
		_, err := fmt.Fprintf(c, "message %q\n", message)
		return err
	})
	converse(frame.Protocol(frame.Line{}.Split, func(c *loop.Conn, line []byte) error {
		if string(line) == "BINARY" {
			c.SetHandler(binary)
		}
		_, err := fmt.Fprintf(c, "line %q\n", line)
		return err
	}), "HELLO\nBINARY\n\x03abc\x00")
	// Output:
	// line "HELLO"
	// line "BINARY"
	// message "abc"
	// message ""
}
