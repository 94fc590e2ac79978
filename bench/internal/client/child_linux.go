package client

// The generator as a child process.

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
)

// Child is the role of a generator's process.
func Child(c *child.Control) error {
	if err := c.Reply(struct{}{}); err != nil {
		return err
	}
	s := new(served)
	for {
		op, arg, err := c.Next()
		if err == io.EOF {
			return s.close()
		}
		if err != nil {
			return err
		}
		reply, err := s.answer(op, arg)
		if err != nil {
			err = c.Fail(err)
		} else {
			err = c.Reply(reply)
		}
		if err != nil {
			return err
		}
	}
}

// served is the generator that requests are for, once it has its Spec.
type served struct {
	g *generator
}

func (s *served) answer(op string, arg []byte) (reply any, err error) {
	if s.g == nil && op != "spec" {
		return nil, errors.New("there is no generator yet")
	}
	switch op {
	case "spec":
		var spec Spec
		if err := json.Unmarshal(arg, &spec); err != nil {
			return nil, fmt.Errorf("spec: %w", err)
		}
		s.g, err = newGenerator(spec)
	case "open":
		err = s.g.open()
	case "begin":
		err = s.g.begin()
	case "measure":
		var d time.Duration
		if err := json.Unmarshal(arg, &d); err != nil {
			return nil, fmt.Errorf("length of a window: %w", err)
		}
		return s.g.measure(d)
	case "finish":
		return s.g.finish()
	default:
		err = fmt.Errorf("unknown request %q", op)
	}
	return struct{}{}, err
}

func (s *served) close() error {
	if s.g == nil {
		return nil
	}
	return s.g.close()
}
