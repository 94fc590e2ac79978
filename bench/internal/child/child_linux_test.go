package child

import (
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The roles in which the tests start this program again.
func TestMain(m *testing.M) {
	roles := map[string]Role{
		"parrot": parrot,
		"mourner": func(*Control) error {
			return errors.New("I have lost my keys")
		},
		"quitter": func(c *Control) error {
			if err := c.Reply("here"); err != nil {
				return err
			}
			if _, _, err := c.Next(); err != nil {
				return err
			}
			os.Stderr.WriteString("I quit\n")
			os.Exit(3)
			return nil
		},
		"favourite": func(c *Control) error {
			restore, err := Favour(5)
			if err != nil {
				return err
			}
			during, err1 := priorities()
			err2 := restore()
			after, err3 := group("self")
			if err := errors.Join(err1, err2, err3); err != nil {
				return err
			}
			return c.Reply(append(during, after))
		},
		"stayer": func(c *Control) error {
			if err := c.Reply("here"); err != nil {
				return err
			}
			for {
				if _, _, err := c.Next(); err == io.EOF {
					return errors.New("I do not like the end")
				}
			}
		},
	}
	if Dispatch(roles) {
		return
	}
	// A program with the race detector otherwise sleeps for a second at its end.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	os.Exit(m.Run())
}

// parrot says what it was configured with, then repeats what it is told.
func parrot(c *Control) error {
	var word string
	if err := c.Config(&word); err != nil {
		return err
	}
	if err := c.Reply(word); err != nil {
		return err
	}
	for {
		op, arg, err := c.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch op {
		case "say":
			err = c.ReplyLine(append(arg[:len(arg):len(arg)], '\n'))
		case "nothing":
		default:
			err = c.Fail(errors.New("I cannot " + op))
		}
		if err != nil {
			return err
		}
	}
}

func startRole(t *testing.T, role string) *Process {
	t.Helper()
	var word string
	p, err := Start(Options{Name: role, Role: role, Config: "hello", CPU: -1}, &word)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.kill() })
	if role == "parrot" && word != "hello" {
		t.Errorf("the first reply is %q", word)
	}
	return p
}

func TestRequestsAndReplies(t *testing.T) {
	p := startRole(t, "parrot")
	long := strings.Repeat("a long word, ", 2000)
	for _, word := range []string{"", "two words", "new\nline", long} {
		var got string
		if err := p.Call("say", word, &got); err != nil {
			t.Fatalf("say %.20q: %v", word, err)
		}
		if got != word {
			t.Errorf("said %.20q, heard %.20q", word, got)
		}
	}
	if err := p.Call("sing", nil, nil); err == nil || !strings.Contains(err.Error(), "I cannot sing") {
		t.Errorf("sing: error %v, want the child's", err)
	}
	if err := p.CallWithin(50*time.Millisecond, "nothing", nil, nil); err == nil || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("nothing: error %v, want that there is no answer", err)
	}
	if err := p.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestAChildThatCannotStartTellsWhy(t *testing.T) {
	_, err := Start(Options{Name: "mourner", Role: "mourner", CPU: -1}, nil)
	if err == nil || !strings.Contains(err.Error(), "I have lost my keys") || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("error %v, want its standard error and status", err)
	}
	if _, err := Start(Options{Name: "nobody", Command: []string{"/no/such/program"}, CPU: -1}, nil); err == nil {
		t.Error("a program that does not exist was started")
	}
}

func TestAChildThatDiesTellsWhy(t *testing.T) {
	p := startRole(t, "quitter")
	err := p.Call("stay", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "I quit") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("call: error %v, want its standard error and status", err)
	}
	if err := p.Stop(); err == nil {
		t.Error("stopping a child that had died is no error")
	}
}

func TestStopTellsOfABadEnd(t *testing.T) {
	p := startRole(t, "stayer")
	if err := p.Stop(); err == nil || !strings.Contains(err.Error(), "I do not like the end") {
		t.Errorf("stop: error %v, want the child's", err)
	}
}

// priorities returns the priority of this process's scheduling group and those of
// its threads.
func priorities() ([]int, error) {
	all := make([]int, 1)
	var err error
	if all[0], err = group("self"); err != nil {
		return nil, err
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return nil, err
	}
	for _, t := range threads {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return nil, err
		}
		p, err := unix.Getpriority(unix.PRIO_PROCESS, tid)
		if err != nil {
			return nil, err
		}
		all = append(all, 20-p)
	}
	return all, nil
}

func TestFavourIsForEveryThreadAndTheGroupGetsItsOwnBack(t *testing.T) {
	var got []int
	p, err := Start(Options{Name: "favourite", Role: "favourite", CPU: -1}, &got)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	_, err = os.Stat("/proc/self/autogroup")
	groups := err == nil
	if len(got) < 3 || slices.ContainsFunc(got[1:len(got)-1], func(n int) bool { return n != 5 }) {
		t.Errorf("priorities of the threads %v, want 5", got[1:])
	}
	if during, after := got[0], got[len(got)-1]; groups && during != 5 || after != 0 {
		t.Errorf("priority of the group %d and then %d, want 5 and then 0", during, after)
	}
}

func TestAChildsPriorityIsNotItsParents(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p, err := Start(Options{Name: "parrot", Role: "parrot", Config: "hello", CPU: -1, Nice: 7}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	of, err := unix.Getpriority(unix.PRIO_PROCESS, p.PID())
	own, err2 := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil || err2 != nil || 20-of != 7 || 20-own == 7 {
		t.Errorf("the child's priority is %d, this thread's %d; %v, %v", 20-of, 20-own, err, err2)
	}
}

func TestPinnedBeforeItStarts(t *testing.T) {
	cores := Cores()
	if len(cores) == 0 {
		t.Fatal("no cores")
	}
	last := cores[len(cores)-1]
	p, err := Start(Options{Name: "parrot", Role: "parrot", Config: "hello", CPU: last}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.kill()
	status, err := os.ReadFile("/proc/" + itoa(p.PID()) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	if want := "Cpus_allowed_list:\t" + itoa(last) + "\n"; !strings.Contains(string(status), want) {
		t.Errorf("no %q in\n%s", want, status)
	}
	if now := Cores(); len(now) != len(cores) {
		t.Errorf("this thread may run on %v afterwards, before on %v", now, cores)
	}
}

func TestUsageOfALivingChild(t *testing.T) {
	p := startRole(t, "parrot")
	before, err := p.CPUTime()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Call("say", strings.Repeat("x", 1<<16), nil); err != nil {
		t.Fatal(err)
	}
	after, err := p.CPUTime()
	if err != nil || after <= before {
		t.Errorf("processor time %v, then %v, error %v", before, after, err)
	}
	m, err := p.Memory()
	if err != nil || m.Anonymous <= 0 || m.Resident < m.Anonymous {
		t.Errorf("memory %+v, error %v", m, err)
	}
	threads, err := p.Threads()
	if err != nil || len(threads) == 0 {
		t.Errorf("threads %v, error %v", threads, err)
	}
}
