// Package sharpness breaks the engine on purpose, one way at a time, and tells how
// many seeds the simulation takes to notice, or whether a row of the fault table does.
package sharpness

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Breakage is one way to break the engine.
type Breakage struct {
	Name   string
	Clause string // of the contract, that is broken first
	Edits  []Edit
	Kqueue bool   // it is in the kqueue backend, and shows with that alone
	Row    string // of the fault table, that must notice it; "" is for the simulation
	Missed string // why no seed shows it, for one that none does
	Found  string // the defect, if it was one: the simulation keeps a run that shows it
}

// Edit replaces a text that a file has exactly once.
type Edit struct {
	File     string // from the root of the engine's module
	Old, New string
}

// Breakages are those that the simulation is tried with.
var Breakages = slices.Concat(bytesBreakages, endBreakages, timeBreakages, slotBreakages,
	owedBreakages, crowdBreakages, kqueueBreakages)

// broken returns the broken files' contents by name. An edit that fits nowhere, or in
// two places, is an error: the code has changed, and the breakage must too.
func (b Breakage) broken(root string) (map[string]string, error) {
	files := map[string]string{}
	for _, e := range b.Edits {
		name := filepath.Join(root, e.File)
		text, ok := files[name]
		if !ok {
			read, err := os.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", b.Name, err)
			}
			text = string(read)
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return nil, fmt.Errorf("%s: %s has %d times: %s", b.Name, e.File, n, e.Old)
		}
		files[name] = strings.Replace(text, e.Old, e.New, 1)
	}
	return files, nil
}

// overlay writes the broken files to dir, and the file for -overlay that puts them in
// the place of the engine's, whose name it returns (see go help build).
func (b Breakage) overlay(root, dir string) (string, error) {
	files, err := b.broken(root)
	if err != nil {
		return "", err
	}
	var list struct{ Replace map[string]string }
	list.Replace = map[string]string{}
	for name, text := range files {
		copied := filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(copied, []byte(text), 0o600); err != nil {
			return "", err
		}
		list.Replace[name] = copied
	}
	data, err := json.Marshal(list)
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, data, 0o600)
}

// tags are those of the build that shows the breakage.
func (b Breakage) tags() string {
	if b.Kqueue {
		return "simkernel,simkqueue"
	}
	return "simkernel"
}
