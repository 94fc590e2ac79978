package child

// On which core, and with what priority.

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/bench/internal/proc"
)

// startPlaced starts cmd on one core and with a priority: the thread that forks
// takes both for a moment, and the child inherits them, so that even the child's
// runtime counts one core.
func startPlaced(cmd *exec.Cmd, cpu, nice int) (err error) {
	runtime.LockOSThread()
	restore, err := place(cpu, nice)
	if err == nil {
		err = cmd.Start()
	}
	if restore() == nil {
		// Otherwise the thread stays locked and ends with its goroutine.
		runtime.UnlockOSThread()
	}
	return err
}

// place moves the calling thread to a core and gives it a priority.
func place(cpu, nice int) (restore func() error, err error) {
	restore = func() error { return nil }
	if cpu >= 0 {
		var old, one unix.CPUSet
		if err := unix.SchedGetaffinity(0, &old); err != nil {
			return restore, os.NewSyscallError("sched_getaffinity", err)
		}
		one.Set(cpu)
		if err := unix.SchedSetaffinity(0, &one); err != nil {
			return restore, fmt.Errorf("pin to core %d: %w", cpu, os.NewSyscallError("sched_setaffinity", err))
		}
		restore = func() error { return unix.SchedSetaffinity(0, &old) }
	}
	if nice == 0 {
		return restore, nil
	}
	// The kernel answers with 20 less the priority.
	old, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return restore, os.NewSyscallError("getpriority", err)
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, nice); err != nil {
		return restore, fmt.Errorf("priority %d: %w", nice, os.NewSyscallError("setpriority", err))
	}
	unpin := restore
	return func() error {
		return errors.Join(unpin(), unix.Setpriority(unix.PRIO_PROCESS, 0, 20-old))
	}, nil
}

// Cores returns the cores that this process may run on.
func Cores() []int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil
	}
	var cores []int
	for cpu := 0; len(cores) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cores = append(cores, cpu)
		}
	}
	return cores
}

// Pair returns a core for a server and another one for its load, negative for
// both if there are not two.
func Pair() (server, load int) {
	if cores := Cores(); len(cores) > 1 {
		return cores[0], cores[1]
	}
	return -1, -1
}

// FavourGroup gives the priority to the scheduling group of the child's session as
// well, where the kernel makes such groups (sched(7), "The autogroup feature"):
// among groups the priority of a single process counts for nothing.
func FavourGroup(pid, nice int) error {
	if nice == 0 {
		return nil
	}
	return setGroup(strconv.Itoa(pid), nice)
}

// setGroup sets the priority of the scheduling group of a process, if there are
// such groups.
func setGroup(process string, nice int) error {
	err := os.WriteFile("/proc/"+process+"/autogroup", []byte(strconv.Itoa(nice)), 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// group reads that priority, 0 if there are no groups.
func group(process string) (nice int, err error) {
	text, err := os.ReadFile("/proc/" + process + "/autogroup")
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return proc.Autogroup(text)
}

// Favour gives the threads of this process the priority that its children have,
// and their scheduling group as well: children that keep all cores busy would
// otherwise let it ask them only when the kernel takes pity. restore gives the
// group, which is that of the whole session, its priority back; the threads keep
// theirs.
func Favour(nice int) (restore func() error, err error) {
	restore = func() error { return nil }
	if nice == 0 {
		return restore, nil
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return restore, err
	}
	for _, t := range threads {
		tid, err := strconv.Atoi(t.Name())
		if err == nil {
			err = unix.Setpriority(unix.PRIO_PROCESS, tid, nice)
		}
		// One may have ended since.
		if err != nil && err != unix.ESRCH {
			return restore, fmt.Errorf("priority %d: %w", nice, os.NewSyscallError("setpriority", err))
		}
	}
	old, err := group("self")
	if err != nil {
		return restore, err
	}
	return func() error { return setGroup("self", old) }, setGroup("self", nice)
}
