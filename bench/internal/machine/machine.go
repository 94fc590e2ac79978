// Package machine describes what a measurement ran on, so that figures can be
// judged and compared later.
package machine

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/eddyline/eddyline/bench/internal/proc"
)

// Info is the description.
type Info struct {
	OS       string            `json:"os"`
	Arch     string            `json:"arch"`
	Kernel   string            `json:"kernel,omitempty"`
	CPU      string            `json:"cpu,omitempty"`
	Cores    int               `json:"cores"`
	MemoryKB string            `json:"memory,omitempty"`
	Go       string            `json:"go"`
	Modules  map[string]string `json:"modules"` // the modules that the program was built with, and their versions
}

// Describe looks around.
func Describe() Info {
	return Info{
		OS:       runtime.GOOS,
		Arch:     runtime.GOARCH,
		Kernel:   firstLine("/proc/sys/kernel/osrelease"),
		CPU:      field("/proc/cpuinfo", "model name"),
		Cores:    runtime.NumCPU(),
		MemoryKB: field("/proc/meminfo", "MemTotal"),
		Go:       runtime.Version(),
		Modules:  modules(),
	}
}

func modules() map[string]string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	versions := map[string]string{}
	for _, m := range info.Deps {
		versions[m.Path] = m.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			versions[info.Main.Path] = s.Value
		}
	}
	return versions
}

func firstLine(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return string(line)
}

// field returns the value of the first line "name : value" of a file.
func field(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	value, _ := proc.Value(text, name)
	return value
}
