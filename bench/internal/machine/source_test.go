package machine

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

func TestTheCommitIsThatOfTheCheckout(t *testing.T) {
	dir := t.TempDir()
	if commit, modified := checkedOut(dir); commit != "" || modified {
		t.Errorf("outside a checkout: %q, %v", commit, modified)
	}
	file := filepath.Join(dir, "file")
	change := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) string {
		out, err := git(dir, append([]string{"-c", "user.name=n", "-c", "user.email=e"}, args...)...)
		if err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
		return out
	}
	change("first")
	run("init", "-q")
	run("add", "file")
	run("commit", "-q", "-m", "first")
	head := run("rev-parse", "HEAD")
	if commit, modified := checkedOut(dir); commit != head || modified {
		t.Errorf("nothing changed: %q, %v, want %q", commit, modified, head)
	}
	change("second")
	if commit, modified := checkedOut(dir); commit != head || !modified {
		t.Errorf("a file changed: %q, %v, want %q and true", commit, modified, head)
	}
	if commit, modified := checkedOut(filepath.Join(dir, "gone")); commit != "" || modified {
		t.Errorf("a directory that is not there: %q, %v", commit, modified)
	}
}

func TestTheCommitIsThatOfTheBuild(t *testing.T) {
	commit, modified := stamped([]debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}})
	if commit != "abc" || !modified {
		t.Errorf("%q, %v", commit, modified)
	}
	if commit, modified := stamped(nil); commit != "" || modified {
		t.Errorf("a build that noted nothing: %q, %v", commit, modified)
	}
}
