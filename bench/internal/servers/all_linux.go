package servers

// The servers that there are.

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/eddyline/eddyline/bench/internal/floor"
	"github.com/eddyline/eddyline/loop"
)

const floorLevel = "floor-level"

// All returns the servers in the order in which they are measured.
func All() []Server { return slices.Clone(all) }

var all = []Server{
	{
		Name:  floorLevel,
		About: "the smallest level-triggered epoll loop in Go",
		Floor: true,
		Serve: serveFloor(floor.Level),
	},
	{
		Name:  "floor-edge",
		About: "the smallest edge-triggered epoll loop in Go",
		Floor: true,
		Serve: serveFloor(floor.Edge),
	},
	{
		Name:  "floor-again",
		About: "a second copy of floor-level: how far equals differ on this machine",
		Again: floorLevel,
		Serve: serveFloor(floor.Level),
	},
	{
		Name:  "eddyline",
		About: "this engine, one loop, default configuration",
		Serve: serveEddyline,
	},
	{
		Name:    "floor-c",
		About:   "the level-triggered loop in C; needs cc",
		Extra:   true,
		Command: compileFloor,
	},
	{
		Name:  "net",
		About: "package net, a goroutine and a 4 KiB buffer per connection",
		Extra: true,
		Serve: serveNet,
	},
}

func serveFloor(t floor.Trigger) func(context.Context, string, func(string)) error {
	return func(ctx context.Context, addr string, ready func(string)) error {
		return floor.Serve(ctx, addr, t, ready)
	}
}

func serveEddyline(ctx context.Context, addr string, ready func(string)) error {
	e, err := loop.New(loop.Config{Loops: 1})
	if err != nil {
		return err
	}
	echo := loop.HandlerFunc(func(c *loop.Conn, in []byte) (int, error) { return c.Write(in) })
	ln, err := e.Listen(loop.ListenConfig{}, "tcp", addr, echo.Protocol())
	if err != nil {
		return err
	}
	ready(ln.Addr().String())
	return e.Run(ctx)
}

func serveNet(ctx context.Context, addr string, ready func(string)) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	ready(ln.Addr().String())
	for {
		c, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go echoNet(c)
	}
}

func echoNet(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}

// compileFloor builds the floor in C, once for each process that is started.
func compileFloor() (argv []string, remove func() error, err error) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "eddyline-floor-")
	if err != nil {
		return nil, nil, err
	}
	source, program := filepath.Join(dir, "floor.c"), filepath.Join(dir, "floor")
	err = os.WriteFile(source, floor.Source, 0o600)
	if err == nil {
		var said []byte
		if said, err = exec.Command(cc, "-O2", "-o", program, source).CombinedOutput(); err != nil {
			err = fmt.Errorf("%s: %w\n%s", cc, err, said)
		}
	}
	if err != nil {
		os.RemoveAll(dir)
		return nil, nil, err
	}
	return []string{program, "level"}, func() error { return os.RemoveAll(dir) }, nil
}
