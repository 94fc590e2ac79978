package external

// Running them.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Place is where a program runs.
type Place struct {
	CPU  int // the core it is pinned to; negative: any
	Nice int // its priority, as for nice(1)
}

// Load is a load generator of others. It opens its connections, sends for about
// length, and ends. It calls begin, which may fail, right before the run that
// counts: there may be others to prepare it.
type Load func(ctx context.Context, at Place, addr string, length time.Duration, begin func() error) (Result, error)

// Wrk returns wrk with so many connections that get path. wrk counts in whole
// seconds, so that is the least.
func Wrk(path string, conns int) Load {
	return func(ctx context.Context, at Place, addr string, length time.Duration, begin func() error) (Result, error) {
		script, err := os.CreateTemp("", "eddyline-wrk-*.lua")
		if err != nil {
			return Result{}, err
		}
		defer os.Remove(script.Name())
		_, err = script.WriteString(wrkScript)
		if err := errors.Join(err, script.Close()); err != nil {
			return Result{}, err
		}
		if err := begin(); err != nil {
			return Result{}, err
		}
		args := wrkArgs(script.Name(), "http://"+addr+path, conns, length)
		said, err := at.run(ctx, patience(length), WrkName, args)
		if err != nil {
			return Result{}, err
		}
		r, err := parseWrk(said.out)
		r.Used, r.Busy = said.used, said.busy
		return r, err
	}
}

// RedisBenchmark returns redis-benchmark with so many connections that keep
// pipeline commands outstanding, with values of size bytes.
func RedisBenchmark(command string, conns, size, pipeline int) Load {
	return func(ctx context.Context, at Place, addr string, length time.Duration, begin func() error) (Result, error) {
		start := func(command string, requests int) (said, error) {
			args, err := redisArgs(addr, command, conns, size, pipeline, requests)
			if err != nil {
				return said{}, err
			}
			return at.run(ctx, patience(length), RedisBenchmarkName, args)
		}
		run := func(command string, requests int) (Result, error) {
			said, err := start(command, requests)
			if err != nil {
				return Result{}, err
			}
			r, err := parseRedis(said.out)
			r.Used, r.Busy = said.used, said.busy
			return r, err
		}
		if command == "GET" {
			// There must be something to get. So short a run may have no rate to report:
			// the program counts milliseconds.
			if _, err := start("SET", conns*pipeline); err != nil {
				return Result{}, err
			}
		}
		// It counts requests, not time: a short run tells how many fill the window.
		trial, err := run(command, 100*conns*pipeline)
		if err != nil {
			return Result{}, err
		}
		if err := begin(); err != nil {
			return Result{}, err
		}
		rate := float64(trial.Requests) / trial.Seconds
		return run(command, max(conns*pipeline, int(rate*length.Seconds())))
	}
}

// patience is how long a run may take that should take length.
func patience(length time.Duration) time.Duration { return 4*length + 20*time.Second }

// said is what came of a program that ran to its end.
type said struct {
	out  []byte
	used time.Duration // processor time
	busy float64       // the same as a share of a core
}

// run runs a program to its end.
func (p Place) run(ctx context.Context, limit time.Duration, program string, args []string) (said, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var out, errs bytes.Buffer
	cmd, err := p.command(ctx, program, args)
	if err != nil {
		return said{}, err
	}
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	err = p.start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("it did not end within %v", limit)
	}
	if err != nil {
		return said{}, fmt.Errorf("%s: %w\n%s", program, err, tail(errs.String()))
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return said{out.Bytes(), used, float64(used) / float64(time.Since(began))}, nil
}

// command prepares a program behind a shell that waits for a line, so that start
// can place the process before the program's first instruction.
func (p Place) command(ctx context.Context, program string, args []string) (*exec.Cmd, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", `read go && exec "$0" "$@"`, path}, args...)...)
	cmd.SysProcAttr = ownSession()
	return cmd, nil
}

// start starts what command prepared.
func (p Place) start(cmd *exec.Cmd) error {
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = p.take(cmd.Process.Pid)
	if err == nil {
		_, err = io.WriteString(in, "\n")
	}
	if err = errors.Join(err, in.Close()); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	return err
}
