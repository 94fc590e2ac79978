package machine

// Of which state of the source the figures are.

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
)

// Source returns the commit that the program was built from, and whether there
// were changes besides: as the build noted it, else as it is where the source lies.
// Outside a checkout the commit is empty.
func Source() (commit string, modified bool) {
	if info, ok := debug.ReadBuildInfo(); ok {
		if commit, modified = stamped(info.Settings); commit != "" {
			return commit, modified
		}
	}
	_, file, _, _ := runtime.Caller(0)
	return checkedOut(filepath.Dir(file))
}

func stamped(settings []debug.BuildSetting) (commit string, modified bool) {
	for _, s := range settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value
		case "vcs.modified":
			modified = s.Value == "true"
		}
	}
	return commit, modified
}

func checkedOut(dir string) (commit string, modified bool) {
	commit, err := git(dir, "rev-parse", "HEAD")
	if err != nil {
		return "", false
	}
	changes, err := git(dir, "--no-optional-locks", "status", "--porcelain")
	return commit, err != nil || changes != ""
}

func git(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}
