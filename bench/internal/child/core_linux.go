package child

// What the kernel says about a core, whoever uses it, and about the time of a
// program that says nothing of itself.

import (
	"fmt"
	"os"
	"time"

	"github.com/eddyline/eddyline/bench/internal/proc"
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
	ran, err := proc.Cores(text, cores)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", coreAccount, err)
	}
	return ran, nil
}

// Times returns the child's processor time in user mode and in the kernel, which
// the kernel tells to 10 ms.
func (p *Process) Times() (user, system time.Duration, err error) {
	file := fmt.Sprintf("/proc/%d/stat", p.PID())
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, err
	}
	if user, system, err = proc.Times(text); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", file, err)
	}
	return user, system, nil
}
