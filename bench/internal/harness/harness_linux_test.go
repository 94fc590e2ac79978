package harness

import (
	"context"
	"os"
	"strings"
	"testing"
)

func TestEveryRowHasItsTurnInEveryRound(t *testing.T) {
	var order strings.Builder
	InTurn([]string{"a", "b", "c"}, 4, func(row *string) { order.WriteString(*row) })
	if got := order.String(); got != "abcbcacababc" {
		t.Errorf("order %s", got)
	}
	InTurn(nil, 4, func(*string) { t.Error("a turn of nobody") })
}

func TestOnlyRootGetsAHighPriority(t *testing.T) {
	for wanted, want := range map[int]int{-20: -20, 0: 0, 5: 5} {
		if os.Geteuid() != 0 {
			want = max(0, want)
		}
		if got := Nice(wanted); got != want {
			t.Errorf("%d for %d, want %d", got, wanted, want)
		}
	}
}

func TestFiles(t *testing.T) {
	if n, err := Files(); err != nil || n < 3 {
		t.Errorf("%d, %v", n, err)
	}
}

func TestEnterGivesUpWithItsContext(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	leave, err := Enter(t.Context(), 0, func() { t.Error("waited for nobody") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Enter(ctx, 0, cancel); err == nil {
		t.Error("two measurements at one time")
	}
	if err := leave(); err != nil {
		t.Error(err)
	}
}
