package loop_test

// Child processes: what they are given, and what becomes of them.

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// roleVariable tells a test program what it is run for by a test.
const roleVariable = "EDDYLINE_TEST_ROLE"

func role() string { return os.Getenv(roleVariable) }

// rerun runs the calling test once more, in a process of its own that has a role.
func rerun(t *testing.T, role string) (output string, err error) {
	t.Helper()
	var out bytes.Buffer
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	c.Env = append(os.Environ(), roleVariable+"="+role)
	c.Stdout, c.Stderr = &out, &out
	err = c.Run()
	return out.String(), err
}

// A child whose role it is to list its descriptors does that before the runtime
// opens any of its own.
func init() {
	if role() != "list" {
		return
	}
	for fd := 3; fd < 4096; fd++ {
		if target, err := os.Readlink(fmt.Sprint("/proc/self/fd/", fd)); err == nil {
			fmt.Println(fd, target)
		}
	}
	os.Exit(0)
}

// inherited are the descriptors that a child of this process has.
func inherited(t *testing.T) string {
	t.Helper()
	list, err := rerun(t, "list")
	if err != nil {
		t.Fatalf("%v\n%s", err, list)
	}
	return list
}

// held returns the descriptors of this process for which the condition holds.
func held(cond func(fd int) bool) (fds []int) {
	for fd := 3; fd < 4096; fd++ {
		if cond(fd) {
			fds = append(fds, fd)
		}
	}
	return fds
}

// forked returns a duplicate of the engine's one descriptor for which the condition
// holds: what a child has that has been forked and has not yet called exec.
func forked(t *testing.T, cond func(fd int) bool) (closeChild func()) {
	t.Helper()
	fds := held(cond)
	if len(fds) != 1 {
		t.Fatalf("%d descriptors are the one that is sought", len(fds))
	}
	dup, err := syscall.Dup(fds[0])
	if err != nil {
		t.Fatal(err)
	}
	syscall.CloseOnExec(dup)
	return func() { _ = syscall.Close(dup) }
}

// killedBy tells whether err says that a process died by a signal.
func killedBy(err error, sig syscall.Signal) bool {
	exit, ok := err.(*exec.ExitError)
	if !ok {
		return false
	}
	status := exit.Sys().(syscall.WaitStatus)
	return status.Signaled() && status.Signal() == sig
}
