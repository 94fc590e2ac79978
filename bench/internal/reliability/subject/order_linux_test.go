package subject

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// What handlers may not hear, in which order, and how it is told.
func TestEveryWrongOrderOfCallbacksIsTold(t *testing.T) {
	for _, tt := range []struct{ calls, wrong string }{
		{"OnOpen OnData OnData OnDrain OnDrain OnTimeout OnTimeout OnShutdown OnEOF OnDrain OnTimeout OnClose", ""},
		{"OnOpen OnEOF OnShutdown OnClose", ""},
		{"OnOpen OnData Close OnClose", ""},
		{"Close OnOpen OnClose", ""}, // in Protocol
		{"OnClose", ""},              // of a connection that could not be registered
		{"OnData", "OnData before OnOpen"},
		{"OnOpen OnOpen", "OnOpen twice"},
		{"OnOpen OnEOF OnEOF", "OnEOF twice"},
		{"OnOpen OnShutdown OnShutdown", "OnShutdown twice"},
		{"OnOpen OnEOF OnData", "OnData after OnEOF"},
		{"OnOpen Close OnData", "OnData after Close"},
		{"OnOpen Close OnEOF", "OnEOF after Close"},
		{"OnOpen Close OnDrain", "OnDrain after Close"},
		{"OnOpen Close OnTimeout", "OnTimeout after Close"},
		{"OnOpen Close OnShutdown", "OnShutdown after Close"},
		{"Close OnOpen OnData", "OnData after Close"},
		{"OnOpen OnClose OnClose", "OnClose after OnClose"},
		{"OnOpen OnClose OnData", "OnData after OnClose"},
		{"OnClose OnOpen", "OnOpen after OnClose"},
		{"OnOpen (OnData OnDrain", "OnDrain within OnData"},
	} {
		g := newEngine(Config{})
		s := newSession(g)
		for call := range strings.SplitSeq(tt.calls, " ") {
			if call == "Close" {
				s.closed = true
				continue
			}
			name, unfinished := strings.CutPrefix(call, "(")
			leave := s.enter(name)
			if name == "OnClose" {
				s.close(nil, nil)
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

// A callback that package loop gets is to be provoked too.
func TestEveryCallbackOfALoopIsProvoked(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../../../../loop/handler.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Protocol"}
	ast.Inspect(f, func(n ast.Node) bool {
		if i, is := n.(*ast.InterfaceType); is {
			for _, method := range i.Methods.List {
				want = append(want, method.Names[0].Name)
			}
		}
		return true
	})
	if got := slices.Sorted(slices.Values(Callbacks)); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("%q are provoked, package loop calls %q", got, want)
	}
	handler := reflect.TypeFor[*watched]()
	for _, name := range want[1:] {
		if _, has := handler.MethodByName(name); !has {
			t.Errorf("the watched handler has no %s", name)
		}
	}
}
