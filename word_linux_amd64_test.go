package eddyline_test

// The other word size (hazard 50): 64-bit atomics, tokens and offsets on 32 bits.

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A 64-bit atomic operation on a plain field faults on 32 bits unless the field is
// aligned, which no compiler sees to; the types of sync/atomic align themselves.
func TestNo64BitAtomicOnAPlainField(t *testing.T) {
	for _, f := range goFiles(t) {
		parsed, err := parser.ParseFile(token.NewFileSet(), f.file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			if ok && pkg.Name == "atomic" && isPlain64(sel.Sel.Name) {
				t.Errorf("%s calls atomic.%s; use atomic.Int64 or atomic.Uint64", f.file, sel.Sel.Name)
			}
			return true
		})
	}
}

// isPlain64 tells whether name is that of a function, not a type, for 64 bits.
func isPlain64(name string) bool {
	op, found := strings.CutSuffix(name, "64")
	op = strings.TrimSuffix(strings.TrimSuffix(op, "Int"), "Uint")
	return found && op != ""
}

// The module is sound for 386, and the tests of the parts that all the rest stands on
// pass there, where the kernel runs such programs.
func TestThe32BitBuild(t *testing.T) {
	if out, err := on386("vet", "./..."); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
	// Building the engine with and without faults says nothing about words.
	out, err := on386("test", "-skip", "ReleaseBuilds", "./internal/...", "./poller")
	if strings.Contains(out, "exec format error") {
		t.Log("this kernel runs no 386 programs: vetted only")
		return
	}
	if err != nil {
		t.Errorf("go test: %v\n%s", err, out)
	}
}

func on386(args ...string) (string, error) {
	c := exec.Command("go", args...)
	c.Env = append(os.Environ(), "GOARCH=386", "CGO_ENABLED=0")
	out, err := c.CombinedOutput()
	return string(out), err
}
