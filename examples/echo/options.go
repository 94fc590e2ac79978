package main

// The command line.

import (
	"flag"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

const help = `echo sends back whatever it receives: the smallest server on eddyline.

usage:
  echo [-addr address] [-loops n] [-drain time]
  echo -demo [-conns n] [-time time] [-addr address] [-loops n] [-drain time]

  -addr   where to listen: host:port or unix:/path (127.0.0.1:7000; with -demo a
          free port)
  -loops  number of event loops; 0 is one per processor that Go may use (0)
  -drain  how long connections may take to finish once interrupted, and with
          -demo how long all of them may stand still at the end (10s)
  -demo   serve 10,000 connections from a second process, check every byte that
          comes back, and report
  -conns  connections of -demo (10000)
  -time   how long -demo sends (10s)

A server, and ways to talk to it from another terminal:
  go run ./examples/echo
  nc 127.0.0.1 7000
  curl telnet://127.0.0.1:7000
  socat - TCP:127.0.0.1:7000

On one loop, on another port, on every address of the machine:
  go run ./examples/echo -loops 1 -addr :7001

On a unix socket:
  go run ./examples/echo -addr unix:/tmp/echo.sock
  socat - UNIX-CONNECT:/tmp/echo.sock
  nc -U /tmp/echo.sock

An interrupt (Ctrl-C, SIGTERM) stops accepting, lets every connection finish what
it has to send, and ends; a second one ends at once.

The proof, in 15 seconds or so:
  go run ./examples/echo -demo
  go run ./examples/echo -demo -conns 500 -time 2s

The demo's clients are dialled by the engine too, from addresses spread over
127.0.0.x. Each has one message under way at a time: it sends the next when the
last has come back whole, so at full load latency is mostly the time that a
message queues behind those of the other connections. Sizes go from 1 byte to
64 KiB: first a power of two is drawn, each as likely as any other, then a size
from there to the next; so one message in 17 is a single byte and one in 17 is
exactly 64 KiB. Contents are pseudo-random and different on every connection,
and every byte is compared with what was sent there.

Exit status: 0 when all went well (-demo: every byte of every connection came
back in order), 1 for a failure, 2 for a wrong command line.
`

// options is the command line, checked.
type options struct {
	addr  address
	loops int
	drain time.Duration
	demo  bool
	conns int
	time  time.Duration
}

// address is where to listen or connect to, in the form that the engine takes.
type address struct{ network, address string }

func (a address) String() string {
	if a.network == "unix" {
		return "unix:" + a.address
	}
	return a.address
}

// parse reads the command line. The error is flag.ErrHelp for -h.
func parse(args []string) (options, error) {
	var o options
	fs := flag.NewFlagSet("echo", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	addr := fs.String("addr", "127.0.0.1:7000", "")
	fs.IntVar(&o.loops, "loops", 0, "")
	fs.DurationVar(&o.drain, "drain", 10*time.Second, "")
	fs.BoolVar(&o.demo, "demo", false, "")
	fs.IntVar(&o.conns, "conns", 10_000, "")
	fs.DurationVar(&o.time, "time", 10*time.Second, "")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	switch {
	case fs.NArg() > 0:
		return o, fmt.Errorf("what is %q? Every option begins with a dash", fs.Arg(0))
	case !o.demo && given["conns"]:
		return o, fmt.Errorf("-conns is for -demo: give both, or leave it out")
	case !o.demo && given["time"]:
		return o, fmt.Errorf("-time is for -demo: give both, or leave it out")
	case o.loops < 0:
		return o, fmt.Errorf("-loops %d is negative: give a number of loops, or 0 for one per processor", o.loops)
	case o.drain <= 0:
		return o, fmt.Errorf("-drain %v is not positive: give a time such as 10s", o.drain)
	case o.conns <= 0:
		return o, fmt.Errorf("-conns %d is not positive: give a number of connections", o.conns)
	case o.time <= 0:
		return o, fmt.Errorf("-time %v is not positive: give a time such as 10s", o.time)
	}
	if o.demo && !given["addr"] {
		*addr = "127.0.0.1:0"
	}
	var err error
	o.addr, err = parseAddress(*addr)
	return o, err
}

func parseAddress(s string) (address, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" {
			return address{}, fmt.Errorf("-addr %s has no path: write unix:/tmp/echo.sock, say", s)
		}
		return address{"unix", path}, nil
	}
	if _, port, err := net.SplitHostPort(s); err != nil || port == "" {
		return address{}, fmt.Errorf("-addr %s is neither host:port nor unix:/path: write 127.0.0.1:7000, [::1]:7000, :7000 or unix:/tmp/echo.sock, say", s)
	}
	return address{"tcp", s}, nil
}
