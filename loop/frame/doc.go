// Package frame cuts the bytes of a connection into messages, for protocols on
// package loop.
//
// # A server
//
// TCP knows no messages: what one end writes at once arrives at the other in any
// number of pieces, or together with what came before. A protocol says how
// messages are told apart, and a [Split] does it. [New] makes a [loop.Handler] of a
// Split and a function that is called with each frame; [Protocol] does so for every
// connection:
//
//	lines := frame.Line{Max: 1000}
//	hello := func(c *loop.Conn, line []byte) error {
//		_, err := fmt.Fprintf(c, "hello %s\n", line)
//		return err
//	}
//	e.Listen(loop.ListenConfig{}, "tcp", "127.0.0.1:7000", frame.Protocol(lines.Split, hello))
//
// # Formats
//
// Each format is a small type with its options as fields, whose zero value is
// usable where there is a sensible one:
//
//	Line{}                   lines, by \n or \r\n
//	Delimiter{End: …}        what ends with certain bytes
//	Length{}                 a field of 1 to 8 bytes with the length, anywhere in a header
//	Varint{}                 the length as a varint in front
//	Fixed(16)                frames of 16 bytes
//
// Its Split method is a Split; its Append does the opposite, and refuses what Split
// would not give back as it was:
//
//	out, err := format.Append(out[:0], message)
//	if err != nil {
//		return err
//	}
//	_, err = c.Write(out)
//
// The frames that fn sees are parts of the engine's buffer: the package copies nothing
// and allocates nothing for them.
//
// # A format of one's own
//
// A Split is a function that finds the first frame in what has arrived, or says that
// there is no whole one yet. This one is for messages in braces:
//
//	func braces(in []byte, seen int, eof bool) (n int, message []byte, err error) {
//		if in[0] != '{' {
//			return 0, nil, errors.New("message without a brace")
//		}
//		i := bytes.IndexByte(in[seen:], '}')
//		if i < 0 {
//			return 0, nil, nil
//		}
//		n = seen + i + 1
//		return n, in[1 : n-1], nil
//	}
//
// It has no limit of its own. What a connection has received and not taken is limited
// by the MaxInbound of [loop.Config] all the same.
//
// # State, and other callbacks
//
// Embed the Handler. What your type defines besides is found by the engine as on any
// handler: OnOpen, OnClose, OnDrain, OnTimeout, OnShutdown.
//
//	type session struct {
//		*frame.Handler
//		name string
//	}
//
//	func (s *session) onLine(c *loop.Conn, line []byte) error { … }
//	func (s *session) OnClose(c *loop.Conn, err error)        { … }
//
//	protocol := func(*loop.Conn) loop.Handler {
//		s := &session{name: "nobody"}
//		s.Handler = frame.New(frame.Line{}.Split, s.onLine)
//		return s
//	}
//
// Two callbacks are the Handler's own, and a type that defines them calls the
// Handler's as well: OnData, for instance to answer an [ErrTooLong] before the
// connection closes, and OnEOF, to go on writing after the peer has ended its output
// ([Handler.End]).
//
// # Limits
//
// A frame longer than the format's Max closes the connection with [ErrTooLong] as
// soon as that is certain: with a length in front, when the length is there. Max is
// 64 KiB unless set. A frame waits in the engine until it is whole, so with its
// header or delimiter it must fit into [loop.Config.MaxInbound], 1 MiB unless
// set; raise that for a larger Max. A peer that never finishes a frame is ended by a
// read deadline: [loop.Conn.SetReadDeadline] in OnOpen, and again with each frame. An
// OnTimeout that lets peers rest between frames asks [Handler.Unfinished].
//
// # Changing protocols
//
// fn may call SetHandler: what follows the frame goes to the new handler. To leave
// the engine behind a frame, do it when the frame has been taken; within fn the
// unread input that Detach returns would still begin with that frame:
//
//	c.Pause()
//	return c.Ref().Do(func(c *loop.Conn) {
//		socket, unread, err := c.Detach()
//		…
//	})
//
// A Handler remembers how far it has looked. To come back to a format after another
// handler had the input, make a new one.
package frame
