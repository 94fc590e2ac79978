package machine

// Of which state of the source the figures are.

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
)

// Version is the state of the source that a program was built from.
type Version struct {
	Commit   string `json:"commit,omitempty"`   // where it is known
	Modified bool   `json:"modified,omitempty"` // it had changes besides
}

// Source returns the version of this program: as the build noted it, else as it is
// where the source lies. Outside a checkout it is the zero Version. Any goroutine.
func Source() Version {
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := stamped(info.Settings); v.Commit != "" {
			return v
		}
	}
	_, file, _, _ := runtime.Caller(0)
	return checkedOut(filepath.Dir(file))
}

// Source names the commit as people read it; it is empty where that is not known.
func (v Version) Source() string {
	const enough = 12 // digits
	if v.Commit == "" {
		return ""
	}
	name := v.Commit[:min(len(v.Commit), enough)]
	if v.Modified {
		name += " with changes that are not committed"
	}
	return name
}

func stamped(settings []debug.BuildSetting) (v Version) {
	for _, s := range settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

func checkedOut(dir string) Version {
	commit, err := git(dir, "rev-parse", "HEAD")
	if err != nil {
		return Version{}
	}
	changes, err := git(dir, "--no-optional-locks", "status", "--porcelain")
	return Version{commit, err != nil || changes != ""}
}

func git(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}
