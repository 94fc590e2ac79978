package eddyline_test

// The rules that hold the house together: which way imports go, and who may
// talk to the kernel.

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/eddyline/eddyline"

// allowed says what each package of the module may import of the module.
var allowed = map[string][]string{
	"":                    nil,
	"internal/sys":        {"internal/sim"},
	"internal/sim":        nil,
	"internal/wheel":      nil,
	"internal/mailbox":    nil,
	"internal/block":      nil,
	"internal/descriptor": {"internal/sys"},
	"poller":              {"internal/sys", "internal/descriptor"},
	"stream":              {"internal/sys", "internal/descriptor"},
	"loop": {
		"stream", "poller", "internal/sys", "internal/wheel", "internal/mailbox", "internal/block",
	},
	"loop/frame":      {"loop"},
	"loop/proxyproto": {"loop", "stream"},
}

// kernel are the packages through which one can reach the kernel past the seam.
var kernel = []string{"syscall", "golang.org/x/sys/unix", "golang.org/x/sys/windows"}

type imports struct {
	file, pkg string
	paths     []string
}

func TestImportsGoOneWay(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range goFiles(t) {
		if strings.HasSuffix(f.file, "_test.go") {
			continue
		}
		seen[f.pkg] = true
		may, known := allowed[f.pkg]
		if !known {
			t.Errorf("%s: package %q is not in the table of this test: say what it may import", f.file, f.pkg)
			continue
		}
		for _, p := range f.paths {
			own, ours := strings.CutPrefix(p, module+"/")
			if ours && !slices.Contains(may, own) {
				t.Errorf("%s imports %s; %q may import %q", f.file, own, f.pkg, may)
			}
		}
	}
	for pkg := range allowed {
		if !seen[pkg] {
			t.Errorf("the table names package %q, which does not exist", pkg)
		}
	}
}

func TestOnlyTheSeamReachesTheKernel(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.pkg == "internal/sys" || strings.HasSuffix(f.file, "_test.go") {
			continue
		}
		for _, p := range f.paths {
			if slices.Contains(kernel, p) {
				t.Errorf("%s imports %s; only internal/sys may", f.file, p)
			}
		}
	}
}

func TestTheEngineDependsOnXSysAlone(t *testing.T) {
	for _, f := range goFiles(t) {
		if strings.HasSuffix(f.file, "_test.go") {
			continue
		}
		for _, p := range f.paths {
			first, _, _ := strings.Cut(p, "/")
			outside := strings.Contains(first, ".") && !strings.HasPrefix(p, module)
			if outside && !strings.HasPrefix(p, "golang.org/x/sys/") {
				t.Errorf("%s imports %s", f.file, p)
			}
		}
	}
}

// goFiles returns the Go files of the root module with their imports.
func goFiles(t *testing.T) []imports {
	t.Helper()
	var files []imports
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (path == "bench" || path == "examples" || d.Name() == "testdata" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		f := imports{file: path, pkg: filepath.ToSlash(filepath.Dir(path))}
		if f.pkg == "." {
			f.pkg = ""
		}
		for _, spec := range parsed.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			f.paths = append(f.paths, p)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("found no Go files")
	}
	return files
}
