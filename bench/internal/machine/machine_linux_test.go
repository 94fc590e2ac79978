package machine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestDescribe(t *testing.T) {
	got := Describe()
	if got.OS != "linux" || got.Go != runtime.Version() || got.Cores < 1 || got.Kernel == "" {
		t.Errorf("got %+v", got)
	}
}

func TestField(t *testing.T) {
	file := filepath.Join(t.TempDir(), "info")
	if err := os.WriteFile(file, []byte("model\t: 17\nmodel name\t: A: fast one\nmodel name\t: another\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := field(file, "model name"); got != "A: fast one" {
		t.Errorf("got %q, want the first line's value, whole", got)
	}
	if got := field(file, "name"); got != "" {
		t.Errorf("got %q for a name that is not there", got)
	}
	if got := field(file+"x", "model"); got != "" {
		t.Errorf("got %q from a file that is not there", got)
	}
}

func TestAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	never := func() { t.Error("waited for nobody") }
	release, err := alone(t.Context(), file, never)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	bored := errors.New("bored")
	if _, err := alone(ctx, file, func() { cancel(bored) }); err != bored {
		t.Errorf("second: error %v, want the reason why it stopped waiting", err)
	}
	waited := false
	second, err := alone(t.Context(), file, func() {
		waited = true
		if err := release(); err != nil {
			t.Error(err)
		}
	})
	if err != nil || !waited {
		t.Fatalf("after the first has ended: waited %v, error %v", waited, err)
	}
	if err := second(); err != nil {
		t.Error(err)
	}
	if _, err := alone(t.Context(), filepath.Join(file, "below a file"), never); err == nil {
		t.Error("a lock where no file can be")
	}
}
