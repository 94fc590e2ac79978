package external

// Where a program runs.

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/bench/internal/child"
)

// ownSession keeps the terminal's interrupt from a program: whoever started it
// ends it.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// take moves a process to the place.
func (p Place) take(pid int) error {
	if p.CPU >= 0 {
		var one unix.CPUSet
		one.Set(p.CPU)
		if err := unix.SchedSetaffinity(pid, &one); err != nil {
			return fmt.Errorf("pin to core %d: %w", p.CPU, os.NewSyscallError("sched_setaffinity", err))
		}
	}
	if p.Nice == 0 {
		return nil
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, pid, p.Nice); err != nil {
		return fmt.Errorf("priority %d: %w", p.Nice, os.NewSyscallError("setpriority", err))
	}
	return child.FavourGroup(pid, p.Nice)
}
