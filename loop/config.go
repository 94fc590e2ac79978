package loop

// What can be set, with the defaults that hold where it is not.

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/eddyline/eddyline/stream"
)

// The defaults of [Config].
const (
	DefaultMaxConns      = 1 << 20
	DefaultMaxInbound    = 1 << 20
	DefaultMaxPending    = 4 << 20
	DefaultLowMark       = 32 << 10
	DefaultHighMark      = 64 << 10
	DefaultReadBuffer    = 64 << 10
	DefaultReadBudget    = 256 << 10
	DefaultMaxTasks      = 64 << 10
	DefaultMaxTaskBytes  = 64 << 20
	DefaultMaxIdleBlocks = 4 << 20
	DefaultFlushTimeout  = 10 * time.Second
	DefaultLingerTimeout = 2 * time.Second
	DefaultDialTimeout   = 30 * time.Second
	// DefaultAttemptDelay is the Connection Attempt Delay that RFC 8305,
	// section 5 recommends.
	DefaultAttemptDelay = 250 * time.Millisecond
)

// Config says how an [Engine] behaves. The zero Config is a safe one: every
// field left at zero takes its default, and every bound is on. A negative
// number, or marks that contradict each other, are an error of [New].
type Config struct {
	// Loops is the number of loops, each one goroutine with a poller of its
	// own. Default: GOMAXPROCS.
	Loops int
	// MaxConns bounds the connections of the engine, dials under way included.
	// At the bound listeners stop accepting (peers wait in the kernel's queue)
	// and a dial fails with [ErrMaxConns]; so it may with one place left, which a
	// listener takes before it looks whether a peer waits. Default: [DefaultMaxConns].
	MaxConns int
	// MaxInbound bounds the bytes of one connection that its handler has been
	// offered and has not consumed; at the bound the connection is closed with
	// [ErrMaxInbound]. Default: [DefaultMaxInbound].
	MaxInbound int
	// MaxPending bounds the bytes of one connection that are written but not
	// yet taken by the kernel; a Write past it takes nothing and returns
	// [ErrBackpressure]. Default: [DefaultMaxPending].
	MaxPending int
	// HighMark and LowMark are watermarks on the same bytes: above HighMark the
	// engine stops reading from the connection, at LowMark it resumes and calls
	// OnDrain. Defaults: [DefaultHighMark], but not above MaxPending, and
	// [DefaultLowMark], but not above half of HighMark.
	HighMark, LowMark int
	// ReadBuffer is the size of the one buffer that a loop receives into, at
	// most 1 MiB. Default: [DefaultReadBuffer].
	ReadBuffer int
	// ReadBudget bounds the bytes that one connection is read in one turn, so
	// that a peer at line rate does not starve the others. Default:
	// [DefaultReadBudget].
	ReadBudget int
	// MaxTasks bounds the tasks that other goroutines have queued at one loop with
	// Post and through a Ref; past it those calls return [ErrBackpressure]. Default:
	// [DefaultMaxTasks].
	MaxTasks int
	// MaxTaskBytes bounds the bytes that the queued writes of Refs carry, in the same
	// way. Default: [DefaultMaxTaskBytes].
	MaxTaskBytes int64
	// MaxIdleBlocks bounds the bytes of buffer memory that a loop keeps for the
	// next connection that needs some. Default: [DefaultMaxIdleBlocks].
	MaxIdleBlocks int
	// FlushTimeout bounds the time that Close waits for pending output to be
	// taken by the kernel; after it the connection is reset. Default:
	// [DefaultFlushTimeout].
	FlushTimeout time.Duration
	// LingerTimeout bounds the time that a closed connection is kept, its
	// output ended, until the peer ends its own. Closing it earlier would
	// answer late input with a reset that destroys output on its way to the
	// peer (RFC 1122, section 4.2.2.13). Default: [DefaultLingerTimeout].
	LingerTimeout time.Duration
	// Spin makes a loop with nothing to do poll for that long before it blocks:
	// lower latency for a core's whole time, of which [Stats] tells how much was
	// spent so. Some tens of microseconds pay where few connections are active:
	// waking a thread costs more than serving a message. Default: 0, off.
	Spin time.Duration
	// Logger hears of panics in callbacks and of accept errors, at most once a
	// second per cause. It is called on the loop's goroutine, so its Handler must
	// neither block nor wait for a loop. Default: none.
	Logger *slog.Logger
}

// ListenConfig says how a listener listens and which loop gets a connection.
// The zero value listens with the system's maximal backlog and hands
// connections out round robin.
type ListenConfig struct {
	// Options are the socket's options. ReusePort in them lets other processes
	// share the port; the choice [ReusePort] implies it.
	Options stream.ListenOptions
	// Balance chooses the loop of each new connection. Default: [RoundRobin].
	Balance Balance
	// KeepDelay leaves Nagle's algorithm (RFC 896) on for accepted TCP
	// connections; by default it is off, as in package net.
	KeepDelay bool
}

// Balance is how a listener spreads its connections over the engine's loops.
type Balance uint8

const (
	// RoundRobin gives each loop its turn.
	RoundRobin Balance = iota
	// LeastConns gives the loop with the fewest connections.
	LeastConns
	// SourceHash gives connections from one IP address, whatever their port, to
	// one loop, unless that has MaxTasks queued. Peers without an address (unix
	// sockets) go round robin.
	SourceHash
	// ReusePort gives every loop a listening socket of its own, all bound to one
	// port (SO_REUSEPORT in socket(7)): the kernel spreads the connections, and
	// none crosses from loop to loop. TCP only. Connections still queued at one
	// of the sockets are reset by the kernel when the listener closes.
	ReusePort
)

// String is the name of the constant.
func (b Balance) String() string {
	switch b {
	case RoundRobin:
		return "RoundRobin"
	case LeastConns:
		return "LeastConns"
	case SourceHash:
		return "SourceHash"
	case ReusePort:
		return "ReusePort"
	}
	return fmt.Sprintf("Balance(%d)", uint8(b))
}

// DialConfig says how [Engine.Dial] and [Loop.Dial] connect. The zero value is
// ready to use.
type DialConfig struct {
	// Timeout bounds the whole dial: name look-up and every attempt. Default:
	// [DefaultDialTimeout].
	Timeout time.Duration
	// AttemptDelay is how long an attempt has the field to itself before the
	// next address is tried beside it (RFC 8305, section 5). Default:
	// [DefaultAttemptDelay].
	AttemptDelay time.Duration
	// LocalAddr is the address to connect from; its port may be 0. The zero
	// Addr leaves the choice to the kernel.
	LocalAddr stream.Addr
	// KeepDelay leaves Nagle's algorithm on; by default it is off.
	KeepDelay bool
}

func (cfg *Config) setDefaults() error {
	var errs []error
	number(&errs, "Loops", &cfg.Loops, runtime.GOMAXPROCS(0))
	number(&errs, "MaxConns", &cfg.MaxConns, DefaultMaxConns)
	number(&errs, "MaxInbound", &cfg.MaxInbound, DefaultMaxInbound)
	number(&errs, "MaxPending", &cfg.MaxPending, DefaultMaxPending)
	number(&errs, "ReadBuffer", &cfg.ReadBuffer, DefaultReadBuffer)
	number(&errs, "ReadBudget", &cfg.ReadBudget, DefaultReadBudget)
	number(&errs, "MaxTasks", &cfg.MaxTasks, DefaultMaxTasks)
	number(&errs, "MaxTaskBytes", &cfg.MaxTaskBytes, DefaultMaxTaskBytes)
	number(&errs, "MaxIdleBlocks", &cfg.MaxIdleBlocks, DefaultMaxIdleBlocks)
	number(&errs, "FlushTimeout", &cfg.FlushTimeout, DefaultFlushTimeout)
	number(&errs, "LingerTimeout", &cfg.LingerTimeout, DefaultLingerTimeout)
	number(&errs, "Spin", &cfg.Spin, 0)
	number(&errs, "HighMark", &cfg.HighMark, min(DefaultHighMark, cfg.MaxPending))
	number(&errs, "LowMark", &cfg.LowMark, min(DefaultLowMark, cfg.HighMark/2))
	if cfg.LowMark > cfg.HighMark {
		errs = append(errs, fmt.Errorf("LowMark %d is above HighMark %d", cfg.LowMark, cfg.HighMark))
	}
	if cfg.HighMark > cfg.MaxPending {
		errs = append(errs, fmt.Errorf("HighMark %d is above MaxPending %d", cfg.HighMark, cfg.MaxPending))
	}
	if cfg.ReadBuffer > maxReadBuffer {
		errs = append(errs, fmt.Errorf("ReadBuffer %d is above %d", cfg.ReadBuffer, maxReadBuffer))
	}
	if len(errs) > 0 {
		return fmt.Errorf("loop: config: %w: %w", os.ErrInvalid, errors.Join(errs...))
	}
	return nil
}

func (cfg *DialConfig) setDefaults() error {
	var errs []error
	number(&errs, "Timeout", &cfg.Timeout, DefaultDialTimeout)
	number(&errs, "AttemptDelay", &cfg.AttemptDelay, DefaultAttemptDelay)
	if len(errs) > 0 {
		return fmt.Errorf("%w: %w", os.ErrInvalid, errors.Join(errs...))
	}
	return nil
}

// number sets *v to def where it is 0 and notes a negative one as an error.
func number[T ~int | ~int64](errs *[]error, name string, v *T, def T) {
	if *v < 0 {
		*errs = append(*errs, fmt.Errorf("%s is negative (%d)", name, *v))
	}
	if *v == 0 {
		*v = def
	}
}
