// Package proc reads what the kernel writes in proc(5) and its like. Whatever is not as
// the kernel writes it is an error that quotes it: a figure that is wrong in silence
// would be worse than none.
package proc

import (
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"time"
)

// Count reads a count of something, of which each is so many units, and returns the
// units.
func Count(text string, unit int64) (int64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || int64(n) > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is no count of what fits", text)
	}
	return int64(n) * unit, nil
}

// Value returns what follows a name and a colon at the beginning of a line, the first
// one, without the spaces around it.
func Value(text []byte, name string) (value string, found bool) {
	for line := range bytes.Lines(text) {
		key, value, found := bytes.Cut(line, []byte(":"))
		if found && string(bytes.TrimSpace(key)) == name {
			return string(bytes.TrimSpace(value)), true
		}
	}
	return "", false
}

// Kilobytes returns in bytes a Value that is in kB. Where there is none the error is
// fs.ErrNotExist.
func Kilobytes(text []byte, name string) (int64, error) {
	value, found := Value(text, name)
	if !found {
		return 0, fmt.Errorf("no line %q: %w", name, fs.ErrNotExist)
	}
	figure, kb := strings.CutSuffix(value, " kB")
	n, err := Count(figure, 1<<10)
	if !kb || err != nil {
		return 0, fmt.Errorf("%s: %q is no number of kB", name, value)
	}
	return n, nil
}

// Cores adds up the figures of some cores in a list that has one for each, such as that
// of nanoseconds in cgroup-v1/cpuacct.
func Cores(text []byte, cores []int) (sum time.Duration, err error) {
	figures := strings.Fields(string(text))
	for _, core := range cores {
		if core < 0 || core >= len(figures) {
			return 0, fmt.Errorf("no core %d in %q", core, text)
		}
		ran, err := Count(figures[core], 1)
		if err != nil || ran > math.MaxInt64-int64(sum) {
			return 0, fmt.Errorf("core %d in %q: %q", core, text, figures[core])
		}
		sum += time.Duration(ran)
	}
	return sum, nil
}

// tick is the unit of times in /proc/PID/stat, USER_HZ of the kernel.
const tick = 10 * time.Millisecond

// Times finds the processor time in user mode and in the kernel in /proc/PID/stat: the
// 14th and the 15th figure. The second is the program's name in parentheses, which may
// have spaces and parentheses itself.
func Times(text []byte) (user, system time.Duration, err error) {
	const first, utime = 3, 14 // after the name; of the two
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) <= utime-first+1 {
		return 0, 0, fmt.Errorf("%q has no times", text)
	}
	u, err1 := Count(fields[utime-first], int64(tick))
	s, err2 := Count(fields[utime-first+1], int64(tick))
	if err1 != nil || err2 != nil {
		return 0, 0, fmt.Errorf("times %s %s in %q", fields[utime-first], fields[utime-first+1], text)
	}
	return time.Duration(u), time.Duration(s), nil
}

// Schedstat reads /proc/PID/schedstat: how long a task was on a core, and how long it
// was ready to run while something else had the core.
func Schedstat(text []byte) (ran, waited time.Duration, err error) {
	fields := strings.Fields(string(text))
	if len(fields) != 3 { // and how often it was given a core
		return 0, 0, fmt.Errorf("%q is not three figures", text)
	}
	r, err1 := Count(fields[0], 1)
	w, err2 := Count(fields[1], 1)
	if err1 != nil || err2 != nil {
		return 0, 0, fmt.Errorf("%q is not three figures", text)
	}
	return time.Duration(r), time.Duration(w), nil
}

// Autogroup reads the priority in /proc/PID/autogroup.
func Autogroup(text []byte) (nice int, err error) {
	rest, group := strings.CutPrefix(string(text), "/autogroup-")
	id, figure, is := strings.Cut(strings.TrimSuffix(rest, "\n"), " nice ")
	_, err1 := Count(id, 1)
	nice, err2 := strconv.Atoi(figure)
	const least, most = -20, 19
	if !group || !is || err1 != nil || err2 != nil || nice < least || nice > most {
		return 0, fmt.Errorf("%q has no priority", text)
	}
	return nice, nil
}
