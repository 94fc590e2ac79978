package soak

// A run as it is kept: what it ran on, how, and every sample.

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/eddyline/eddyline/bench/internal/machine"
)

// Format is the version of the document; Load refuses others.
const Format = 1

// Document is a run and what it ran on.
type Document struct {
	Format  int    `json:"format"`
	Command string `json:"command"` // that replays it
	machine.Version
	Machine machine.Info `json:"machine"`
	Result  *Result      `json:"result"`
}

// NewDocument describes the machine and the source, as they are before a run that
// replays with command; its Result comes later.
func NewDocument(command string) *Document {
	return &Document{Format: Format, Command: command, Version: machine.Source(), Machine: machine.Describe()}
}

// About is what the run was of, as people read it.
func (d *Document) About() []string {
	m, r := d.Machine, d.Result
	return []string{
		"command: " + d.Command,
		fmt.Sprintf("commit:  %s, %s %s/%s", cmp.Or(d.Source(), "unknown"), m.Go, m.OS, m.Arch),
		fmt.Sprintf("machine: kernel %s, %d cores, %s", m.Kernel, m.Cores, m.CPU),
		fmt.Sprintf("load:    %v of %v from %s", r.lasted().Round(time.Second), r.Config.For, r.Began.Format(time.DateTime+" MST")),
	}
}

// Save writes the document.
func (d *Document) Save(file string) error {
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o666)
}

// Load reads a document, and judges its run by the rules of today.
func Load(file string) (*Document, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var d Document
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("%s is no saved run: %w", file, err)
	}
	if d.Format != Format || d.Result == nil {
		return nil, fmt.Errorf("%s: format %d is not %d of a run of the soak", file, d.Format, Format)
	}
	d.Result.judge()
	return &d, nil
}
