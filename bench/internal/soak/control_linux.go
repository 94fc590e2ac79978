package soak

// The control: what the machine does to a server that nothing is asked of but the
// probe's echoes.

import (
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/eddyline/eddyline/bench/internal/child"
)

// control is the role of the control's process: an echo server of package net.
func control(c *child.Control) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer ln.Close()
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				_, _ = io.Copy(struct{ io.Writer }{nc}, nc) // by reads and writes, not by splice
			}()
		}
	}()
	if err := c.Reply(place{"tcp", ln.Addr().String()}); err != nil {
		return err
	}
	op, _, err := c.Next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return errors.Join(err, fmt.Errorf("unknown request %q", op))
}
