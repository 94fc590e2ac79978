package loop_test

// What Linux alone shows: running out of descriptors, abstract names, and
// urgent data.

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/loop"
)

// shortEnv marks the process that runs out of descriptors on purpose.
const shortEnv = "EDDYLINE_TEST_SHORT_OF_DESCRIPTORS"

// Without descriptors accepting pauses: what is open is served, nothing spins,
// and when there are some again the waiting are served (hazards 14 and 31).
func TestC6RunningOutOfDescriptors(t *testing.T) {
	for _, relief := range []string{"elsewhere", "of the engine"} {
		t.Run(relief, func(t *testing.T) {
			if os.Getenv(shortEnv) != "" {
				runShort(t, relief)
				return
			}
			// The limit is the process's: another one takes it.
			cmd := exec.Command(os.Args[0], "-test.run=^TestC6RunningOutOfDescriptors$/^"+relief[:2], "-test.v", "-test.timeout=120s")
			cmd.Env = append(os.Environ(), shortEnv+"=1")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
}

func runShort(t *testing.T, relief string) {
	r := newRig(t, loop.Config{Loops: 2})
	ln := r.listen(r.always(hooks{data: echo}))
	old := r.dial(ln)
	old.echoes()
	leaver := r.dial(ln)
	leaver.echoes()

	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	short := limit
	short.Cur = 64
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &short); err != nil {
		t.Fatal(err)
	}
	var spare []*os.File
	defer func() {
		for _, f := range spare {
			f.Close()
		}
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}()
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		spare = append(spare, f)
	}
	if len(spare) < 10 {
		t.Fatalf("only %d descriptors were left to fill", len(spare))
	}
	free := func() {
		spare[len(spare)-1].Close()
		spare = spare[:len(spare)-1]
	}

	// Each client takes the last descriptor, so none is left for the server.
	free()
	waiting := r.dial(ln)
	waiting.send([]byte("patience"))
	until(t, "accepting pauses", func() bool { return r.engine.Stats().AcceptPauses > 0 })
	const window = 300 * time.Millisecond
	before := r.engine.Stats()
	time.Sleep(window)
	if turns := r.engine.Stats().Turns - before.Turns; turns > 500 {
		t.Errorf("%d turns in %v without descriptors", turns, window)
	}
	old.echoes()
	if n := r.engine.Stats().Accepted; n != 2 {
		t.Fatalf("%d connections were accepted, there are descriptors for 2", n)
	}
	if relief == "elsewhere" {
		free()
	} else {
		leaver.Close()
	}
	waiting.expect("patience")
	old.echoes()
	if s := r.engine.Stats(); s.AcceptErrors == 0 {
		t.Error("no accept error is counted")
	}
}

func TestListenOnAnAbstractName(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	name := fmt.Sprintf("@eddyline-test-%d", os.Getpid())
	ln := r.listenOn(loop.ListenConfig{}, "unix", name, r.always(hooks{data: echo}))
	if ln.Addr().Path() != name {
		t.Errorf("it listens on %v", ln.Addr())
	}
	r.dial(ln).echoes()
}

// A receive stops at urgent data (tcp(7)), so that a short one does not mean that
// all is read.
func TestC1UrgentDataDoesNotStall(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	c := r.dial(r.listen(r.always(hooks{data: echo})))
	c.echoes()
	raw, err := c.Conn.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	urgent := func() {
		var sent error
		err := raw.Control(func(fd uintptr) { sent = syscall.Sendto(int(fd), []byte("!"), syscall.MSG_OOB, nil) })
		if err != nil || sent != nil {
			t.Fatal(err, sent)
		}
	}
	for _, held := range []bool{true, false} {
		release := func() {}
		if held {
			release = hold(t, r.engine.Loops()[0])
		}
		c.send([]byte("abc"))
		urgent()
		c.send([]byte("def"))
		release()
		c.expect("abcdef")
		c.echoes()
	}
}

// A receive on a unix socket stops behind a message that carries descriptors
// (unix(7)), so that a short one does not mean that all is read.
func TestC1AncillaryDataDoesNotStall(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	c := r.dial(r.listenUnix(r.always(hooks{data: echo})))
	c.echoes()
	release := hold(t, r.engine.Loops()[0])
	rights := syscall.UnixRights(0)
	if _, _, err := c.Conn.(*net.UnixConn).WriteMsgUnix([]byte("abc"), rights, nil); err != nil {
		t.Fatal(err)
	}
	c.send([]byte("def"))
	release()
	c.expect("abcdef")
	c.echoes()
}
