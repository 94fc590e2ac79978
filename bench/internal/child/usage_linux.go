package child

// What the kernel says about a child: processor time, time spent waiting for the
// processor, memory.

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/bench/internal/proc"
)

// CPUTime returns the processor time, user and system, that all threads of the
// child have used, to the nanosecond. It asks the process's own clock
// (clock_getcpuclockid(3)), which does not disturb the child.
func (p *Process) CPUTime() (time.Duration, error) {
	const schedClock = 2 // CPUCLOCK_SCHED
	clock := int32(^p.PID())<<3 | schedClock
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0, fmt.Errorf("processor clock of %s: %w", p.name, err)
	}
	return time.Duration(ts.Nano()), nil
}

// Threads is, by thread number, what the kernel's scheduler says of a process.
type Threads map[string]Thread

// Thread is what a thread has had of its core, and what it has not.
type Thread struct {
	Ran    time.Duration // time on the core
	Waited time.Duration // time ready to run while something else had the core
}

// Threads reads /proc/PID/task/*/schedstat.
func (p *Process) Threads() (Threads, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.PID()))
	if err != nil {
		return nil, err
	}
	all := make(Threads, len(files))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a thread that has just ended
		}
		ran, waited, err := proc.Schedstat(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all[file] = Thread{ran, waited}
	}
	return all, nil
}

// Waited returns for how long the thread that did the most work since before had
// to wait for its core. The other threads do not count: one that the runtime
// wakes up now and then waits for the busy one, which disturbs nothing.
func (t Threads) Waited(before Threads) time.Duration {
	var most Thread
	for id, now := range t {
		then := before[id]
		d := Thread{now.Ran - then.Ran, now.Waited - then.Waited}
		if d.Ran > most.Ran {
			most = d
		}
	}
	return most.Waited
}

// Memory is what a process holds of the machine's memory, in bytes.
type Memory struct {
	Resident  int64 `json:"resident"`  // all resident pages, those of the program's file included
	Anonymous int64 `json:"anonymous"` // heap, stacks and the runtime's own structures
}

// Memory reads the child's memory from /proc/PID/smaps_rollup.
func (p *Process) Memory() (Memory, error) {
	file := fmt.Sprintf("/proc/%d/smaps_rollup", p.PID())
	text, err := os.ReadFile(file)
	if err != nil {
		return Memory{}, err
	}
	var m Memory
	if m.Resident, err = proc.Kilobytes(text, "Rss"); err != nil {
		return Memory{}, fmt.Errorf("%s: %w", file, err)
	}
	if m.Anonymous, err = proc.Kilobytes(text, "Anonymous"); err != nil {
		return Memory{}, fmt.Errorf("%s: %w", file, err)
	}
	return m, nil
}
