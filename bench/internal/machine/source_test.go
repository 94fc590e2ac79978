package machine

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

func TestTheCommitIsThatOfTheCheckout(t *testing.T) {
	dir := t.TempDir()
	if v := checkedOut(dir); v != (Version{}) {
		t.Errorf("outside a checkout: %+v", v)
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
	if v := checkedOut(dir); v != (Version{Commit: head}) {
		t.Errorf("nothing changed: %+v, want %q", v, head)
	}
	change("second")
	if v := checkedOut(dir); v != (Version{head, true}) {
		t.Errorf("a file changed: %+v, want %q and true", v, head)
	}
	if v := checkedOut(filepath.Join(dir, "gone")); v != (Version{}) {
		t.Errorf("a directory that is not there: %+v", v)
	}
}

func TestSourceNamesTheCommit(t *testing.T) {
	for want, v := range map[string]Version{
		"":             {Modified: true},
		"0123456789ab": {Commit: "0123456789abcdef"},
		"0123456789ab with changes that are not committed": {"0123456789abcdef", true},
	} {
		if got := v.Source(); got != want {
			t.Errorf("Source() = %q, want %q", got, want)
		}
	}
}

func TestTheCommitIsThatOfTheBuild(t *testing.T) {
	v := stamped([]debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}})
	if v != (Version{"abc", true}) {
		t.Errorf("%+v", v)
	}
	if v := stamped(nil); v != (Version{}) {
		t.Errorf("a build that noted nothing: %+v", v)
	}
}
