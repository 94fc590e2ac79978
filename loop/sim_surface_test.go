//go:build linux

package loop

// That the simulation leaves out nothing that users can call.

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// simSurface is what users call, and how the simulation names what it calls it on.
var simSurface = []struct {
	of    reflect.Type
	names string
	// without are the methods that it does not call.
	without map[string]string
}{
	{of: reflect.TypeFor[*Conn](), names: "x.c c"},
	{of: reflect.TypeFor[Ref](), names: "ref"},
	{of: reflect.TypeFor[*Loop](), names: "s x.site"},
	{of: reflect.TypeFor[*Timer](), names: "t.t"},
	{of: reflect.TypeFor[*Registration](), names: "reg x.reg"},
	{of: reflect.TypeFor[*Listener](), names: "ln old"},
	{of: reflect.TypeFor[*Engine](), names: "w.engine l.w.engine", without: map[string]string{
		"Run": "it starts a goroutine for each loop, and the world turns them itself",
	}},
}

// Every exported method is called by a simulated run, or left out with a reason: a new one
// is not forgotten.
func TestSimulationCallsEveryMethod(t *testing.T) {
	called := simCalls(t)
	for _, part := range simSurface {
		for i := range part.of.NumMethod() {
			name := part.of.Method(i).Name
			does := slices.ContainsFunc(strings.Fields(part.names), func(on string) bool { return called[on+"."+name] })
			if reason := part.without[name]; does == (reason != "") {
				t.Errorf("%v.%s is called by the simulation: %v; left out because %q", part.of, name, does, reason)
			}
		}
		for name := range part.without {
			if _, there := part.of.MethodByName(name); !there {
				t.Errorf("%v has no method %s to be left out", part.of, name)
			}
		}
	}
}

// simCalls are the methods that the files of the simulated world call, as they are written.
func simCalls(t *testing.T) map[string]bool {
	files, err := filepath.Glob("sim_*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	calls := map[string]bool{}
	for _, name := range files {
		if strings.Contains(name, "_differ_") {
			continue // its scripts are no runs
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				calls[types.ExprString(call.Fun)] = true
			}
			return true
		})
	}
	return calls
}
