package sys

// That no call is forgotten: read from the sources of all systems, whichever this is.

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sources are the files of this package, tests aside, by name.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		if files[name], err = parser.ParseFile(token.NewFileSet(), name, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// namedCalls are the calls of call.go, by the names of their constants.
func namedCalls(t *testing.T) map[string]string {
	t.Helper()
	calls := map[string]string{}
	ast.Inspect(sources(t)["call.go"], func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Call") {
			text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			calls[v.Names[0].Name] = text
		}
		return true
	})
	if len(calls) == 0 {
		t.Fatal("call.go names no call")
	}
	return calls
}

// Every function that gives an errno asks the seam first, on every system, by itself
// or through one that does.
func TestEveryCallAsksTheSeam(t *testing.T) {
	asked := map[string]bool{}
	files := sources(t)
	for name, file := range files {
		if strings.HasPrefix(name, "sim_") { // the model's own, which tests drive it by
			continue
		}
		for _, f := range functions(file) {
			if !f.Name.IsExported() || !givesErrno(f) || len(callees(f)) == 0 {
				continue
			}
			seam := seamOf(files, name, f, map[string]bool{})
			if len(seam) == 0 {
				t.Errorf("%s: %s cannot be made to fail", name, f.Name)
			}
			for _, call := range seam {
				asked[call] = true
			}
		}
	}
	for call := range namedCalls(t) {
		if !asked[call] {
			t.Errorf("no function asks the seam for %s", call)
		}
	}
}

// What makes a descriptor says so, or the rule that limits their number would not know.
func TestEveryNewDescriptorIsCounted(t *testing.T) {
	files := sources(t)
	left := madeBy(t, files["fault_calls.go"])
	makes := maps.Clone(left)
	for name, file := range files {
		if strings.Contains(name, "simkernel") { // it counts for itself
			continue
		}
		for _, f := range functions(file) {
			want := ""
			for _, call := range arguments(f, "fault") {
				want = makes[call]
				delete(left, call)
			}
			if got := strconv.Itoa(len(arguments(f, "opened"))); got != want && got+want != "0" {
				t.Errorf("%s: %s counts %s descriptors, want %s", name, f.Name, got, want)
			}
		}
	}
	if len(left) > 0 {
		t.Errorf("nothing makes the descriptors of %v", left)
	}
}

// madeBy is how many descriptors each call makes that makes some, as the table of traits
// says.
func madeBy(t *testing.T, table *ast.File) map[string]string {
	t.Helper()
	makes := map[string]string{}
	ast.Inspect(table, func(n ast.Node) bool {
		row, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		fields, ok := row.Value.(*ast.CompositeLit)
		if !ok {
			return true
		}
		for _, e := range fields.Elts {
			if field, ok := e.(*ast.KeyValueExpr); ok && field.Key.(*ast.Ident).Name == "makes" {
				makes[row.Key.(*ast.Ident).Name] = field.Value.(*ast.BasicLit).Value
			}
		}
		return false
	})
	if len(makes) == 0 {
		t.Fatal("no call makes a descriptor")
	}
	return makes
}

// functions are those of a file that are no methods.
func functions(file *ast.File) (list []*ast.FuncDecl) {
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Body != nil {
			list = append(list, f)
		}
	}
	return list
}

func givesErrno(f *ast.FuncDecl) bool {
	if f.Type.Results == nil {
		return false
	}
	return slices.ContainsFunc(f.Type.Results.List, func(r *ast.Field) bool {
		id, ok := r.Type.(*ast.Ident)
		return ok && id.Name == "Errno"
	})
}

// seamOf are the calls that f asks the seam for, or else those of the functions that it
// calls, of its own file or of a file that goes with it.
func seamOf(files map[string]*ast.File, name string, f *ast.FuncDecl, visited map[string]bool) []string {
	if direct := append(arguments(f, "fault"), arguments(f, "disturb")...); len(direct) > 0 {
		return direct
	}
	var found []string
	for _, callee := range callees(f) {
		for other, file := range files {
			if visited[other+callee] || strings.Contains(other, "simkernel") != strings.Contains(name, "simkernel") {
				continue
			}
			for _, g := range functions(file) {
				if g.Name.Name == callee {
					visited[other+callee] = true
					found = append(found, seamOf(files, other, g, visited)...)
				}
			}
		}
	}
	return found
}

// callees are the functions that f calls, those of other packages by their last name.
func callees(f *ast.FuncDecl) (names []string) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch fun := call.Fun.(type) {
		case *ast.Ident:
			names = append(names, fun.Name)
		case *ast.SelectorExpr:
			names = append(names, fun.Sel.Name)
		}
		return true
	})
	return names
}

// arguments are the first arguments of the calls of a function in f, as far as they are
// names; others are named "".
func arguments(f *ast.FuncDecl, function string) (names []string) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if id, ok := call.Fun.(*ast.Ident); ok && id.Name == function {
			name := ""
			if arg, ok := call.Args[0].(*ast.Ident); ok {
				name = arg.Name
			}
			names = append(names, name)
		}
		return true
	})
	return names
}
