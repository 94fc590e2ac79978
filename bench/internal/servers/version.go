package servers

// Which version of a library a program was built with.

import (
	"runtime/debug"
	"sync"
)

// version returns the version of a module that this program was built with, empty
// when the program does not tell.
func version(module string) string { return versions()[module] }

var versions = sync.OnceValue(func() map[string]string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	return modules(info)
})

// modules returns the versions of the modules that a program was built with.
func modules(info *debug.BuildInfo) map[string]string {
	found := map[string]string{}
	for _, m := range info.Deps {
		found[m.Path] = m.Version
	}
	return found
}
