// Command hello is the smallest eddyline server: it echoes what it receives.
package main

import (
	"context"
	"log"

	"github.com/eddyline/eddyline/loop"
)

func main() {
	echo := loop.HandlerFunc(func(c *loop.Conn, in []byte) (int, error) {
		return c.Write(in)
	})
	engine, err := loop.New(loop.Config{})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := engine.Listen(loop.ListenConfig{}, "tcp", "127.0.0.1:7000", echo.Protocol()); err != nil {
		log.Fatal(err)
	}
	log.Fatal(engine.Run(context.Background()))
}
