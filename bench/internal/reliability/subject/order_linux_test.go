package subject

import (
	"slices"
	"strings"
	"testing"
)

// What handlers may not hear, in which order, and how it is told.
func TestEveryWrongOrderOfCallbacksIsTold(t *testing.T) {
	for _, tt := range []struct{ calls, wrong string }{
		{"OnOpen OnData OnDrain OnEOF OnClose", ""},
		{"OnClose", ""}, // of a connection that could not be registered
		{"OnData", "OnData before OnOpen"},
		{"OnOpen OnOpen", "OnOpen twice"},
		{"OnOpen OnClose OnClose", "OnClose after OnClose"},
		{"OnOpen OnClose OnData", "OnData after OnClose"},
		{"OnClose OnOpen", "OnOpen after OnClose"},
		{"OnOpen (OnData OnDrain", "OnDrain within OnData"},
	} {
		g := newEngine(Config{})
		s := &session{g: g}
		for call := range strings.SplitSeq(tt.calls, " ") {
			name, unfinished := strings.CutPrefix(call, "(")
			leave := s.enter(name)
			switch name {
			case "OnOpen":
				s.opened = true
			case "OnClose":
				s.close(nil)
			}
			if !unfinished {
				leave()
			}
		}
		var want []string
		if tt.wrong != "" {
			want = []string{tt.wrong}
		}
		if !slices.Equal(g.seen.Wrong, want) {
			t.Errorf("%s: told %q, want %q", tt.calls, g.seen.Wrong, want)
		}
		if closed := strings.Count(tt.calls, "OnClose"); g.seen.Closed != closed {
			t.Errorf("%s: %d heard OnClose, want %d", tt.calls, g.seen.Closed, closed)
		}
	}
}
