package child

// What the kernel says about a core, whoever uses it, and about the time of a
// program that says nothing of itself.

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// coreAccount has a figure for each core: the nanoseconds that the tasks of all
// groups ran there (cgroup-v1/cpuacct). It is kept as the clock of a process is,
// up to the moment. /proc/schedstat would not do: a task is added to it only when
// it leaves the core, which one that polls does not do for long.
const coreAccount = "/sys/fs/cgroup/cpuacct/cpuacct.usage_percpu"

// CoreTime returns for how long tasks, whoever's they were, have run on cores, all
// added up. Where the kernel does not keep that account the error is
// os.ErrNotExist.
func CoreTime(cores ...int) (time.Duration, error) {
	text, err := os.ReadFile(coreAccount)
	if err != nil {
		return 0, err
	}
	ran, err := sumCores(text, cores)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", coreAccount, err)
	}
	return ran, nil
}

func sumCores(text []byte, cores []int) (sum time.Duration, err error) {
	figures := bytes.Fields(text)
	for _, core := range cores {
		if core < 0 || core >= len(figures) {
			return 0, fmt.Errorf("no core %d in %q", core, text)
		}
		ran, err := strconv.ParseInt(string(figures[core]), 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(ran)
	}
	return sum, nil
}

// tick is the unit of times in /proc/PID/stat, USER_HZ of the kernel.
const tick = 10 * time.Millisecond

// Times returns the child's processor time in user mode and in the kernel, which
// the kernel tells to 10 ms.
func (p *Process) Times() (user, system time.Duration, err error) {
	file := fmt.Sprintf("/proc/%d/stat", p.PID())
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, err
	}
	if user, system, err = parseTimes(text); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", file, err)
	}
	return user, system, nil
}

// parseTimes finds the 14th and the 15th figure. The second is the program's name
// in parentheses, which may have spaces and parentheses itself.
func parseTimes(text []byte) (user, system time.Duration, err error) {
	const first, utime = 3, 14 // after the name; of the two
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) <= utime-first+1 {
		return 0, 0, fmt.Errorf("%q has no times", text)
	}
	var times [2]time.Duration
	for i := range times {
		ticks, err := strconv.ParseInt(string(fields[utime-first+i]), 10, 64)
		if err != nil {
			return 0, 0, err
		}
		times[i] = time.Duration(ticks) * tick
	}
	return times[0], times[1], nil
}
