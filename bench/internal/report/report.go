// Package report makes pictures and a page of a comparison's results: for people
// who decide by them.
package report

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/eddyline/eddyline/bench/internal/proc"
	"github.com/eddyline/eddyline/bench/internal/results"
	"github.com/eddyline/eddyline/bench/internal/table"
)

// HTML writes the results as one page that needs nothing else: no network, no
// further file, no script.
func HTML(w io.Writer, d *results.Document) error {
	p, err := pageOf(d)
	if err != nil {
		return err
	}
	// A page that broke off in the middle would be taken for a whole one.
	var out bytes.Buffer
	if err := layout.Execute(&out, p); err != nil {
		return err
	}
	_, err = out.WriteTo(w)
	return err
}

// SVGs writes the charts of the page as files into dir, which it makes if it is
// not there, and beside them charts.md, which shows them all. It returns the names
// of the charts.
func SVGs(dir string, d *results.Document) ([]string, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	var files []string
	var page bytes.Buffer
	fmt.Fprintln(&page, "# Charts")
	if d.Source() != "" {
		fmt.Fprintf(&page, "\nMeasured at commit %s.\n", d.Source())
	}
	m := newMaker(d)
	for _, s := range scenarios(d) {
		charts, err := m.charts(s.runs)
		if err != nil {
			return files, err
		}
		if len(charts) > 0 {
			fmt.Fprintf(&page, "\n## %s\n", table.Escape(s.name))
		}
		for _, c := range charts {
			name := c.file + ".svg"
			file := filepath.Join(dir, name)
			if err := os.WriteFile(file, []byte(c.drawn.file(c.label())), 0o666); err != nil {
				return files, err
			}
			files = append(files, file)
			c.show(&page, name)
		}
	}
	return files, os.WriteFile(filepath.Join(dir, "charts.md"), page.Bytes(), 0o666)
}

// show writes what Markdown shows of a chart whose file has the name: what was
// measured, the picture, and how to read it.
func (c chart) show(w io.Writer, name string) {
	title := table.Escape(c.title + ", " + c.where)
	fmt.Fprintf(w, "\n### %s\n\n%s\n\n![%s](%s)\n", title, table.Escape(c.about), title, name)
}

func newMaker(d *results.Document) *maker {
	return &maker{looks: looks(d), files: map[string]int{}}
}

// scenario is its runs, in the order of the document.
type scenario struct {
	name string
	runs []results.Run
}

func scenarios(d *results.Document) []scenario {
	var list []scenario
	for _, run := range d.Runs {
		i := slices.IndexFunc(list, func(s scenario) bool { return s.name == run.Scenario })
		if i < 0 {
			i = len(list)
			list = append(list, scenario{name: run.Scenario})
		}
		list[i].runs = append(list[i].runs, run)
	}
	return list
}

//go:embed page.html
var source string

var layout = template.Must(template.New("page").Parse(source))

// page is what the template shows.
type page struct {
	Title       string
	Interrupted bool
	Facts       []fact
	Failures    []failure
	Glances     []table.Sheet
	Legend      []table.Meaning
	Sections    []section
}

type fact struct{ Name, Value string }

// failure is a row that failed.
type failure struct{ Run, Server, Said string }

type section struct {
	Name   string
	Charts []picture
	Runs   []run
}

type picture struct {
	SVG   template.HTML
	About string
}

type run struct {
	table.Sheet
	Failures []failure
	Open     bool
}

func pageOf(d *results.Document) (*page, error) {
	p := &page{Title: "eddyline beside other servers", Interrupted: d.Interrupted, Facts: facts(d), Legend: table.Legend(d.Runs)}
	m := newMaker(d)
	for _, s := range scenarios(d) {
		charts, err := m.charts(s.runs)
		if err != nil {
			return nil, err
		}
		if g := glance(s); len(g.Rows) > 0 {
			p.Glances = append(p.Glances, g)
		}
		sec := section{Name: s.name}
		for _, c := range charts {
			// What is drawn holds text only through the library, which escapes it.
			sec.Charts = append(sec.Charts, picture{template.HTML(c.inline(c.label())), c.about})
		}
		for _, r := range s.runs {
			failed := failures(r)
			p.Failures = append(p.Failures, failed...)
			sec.Runs = append(sec.Runs, run{table.Of(r), failed, len(failed) > 0 || len(s.runs) < 3})
		}
		p.Sections = append(p.Sections, sec)
	}
	return p, nil
}

func failures(r results.Run) []failure {
	var list []failure
	for _, row := range r.Rows {
		if row.Err != "" {
			list = append(list, failure{r.Title(), row.Server, strings.TrimSpace(row.Err)})
		}
	}
	return list
}

func facts(d *results.Document) []fact {
	m := d.Machine
	list := []fact{
		{"Measured", d.Time.Format("2 January 2006, 15:04 MST")},
		{"Commit", d.Source()},
		{"Processor", strings.TrimSpace(fmt.Sprintf("%s, %d cores", m.CPU, m.Cores))},
		{"Memory", memory(m.MemoryKB)},
		{"System", strings.TrimSpace(fmt.Sprintf("%s/%s %s", m.OS, m.Arch, m.Kernel))},
		{"Go", m.Go},
		{"Servers' environment", strings.Join(d.Environment, " ")},
		{"Priority", fmt.Sprintf("nice %d", d.Nice)},
		{"Command line", strings.Join(append([]string{"go run ./bench"}, d.Args...), " ")},
		{"Versions", strings.Join(versions(d), ", ")},
	}
	return slices.DeleteFunc(list, func(f fact) bool { return f.Value == "" })
}

// memory writes "2097152 kB" as "2.0 GiB", anything else as it is.
func memory(text string) string {
	figure, kb := strings.CutSuffix(text, " kB")
	n, err := proc.Count(figure, 1<<10)
	if !kb || err != nil {
		return text
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// versions returns the servers that have one, with it.
func versions(d *results.Document) []string {
	list := map[string]bool{}
	for _, run := range d.Runs {
		for _, row := range run.Rows {
			if row.Version != "" {
				list[row.Server+" "+row.Version] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(list))
}

// glance is this engine's ratios to what it is compared to, a row for each run.
func glance(s scenario) table.Sheet {
	sheet := table.Sheet{Heads: []string{s.name}}
	for _, m := range results.Main {
		for _, base := range m.Bases() {
			sheet.Heads = append(sheet.Heads, m.Name+"/"+base)
		}
	}
	for _, run := range s.runs {
		row := run.Row(results.Eddyline)
		if row == nil || row.Err != "" {
			continue
		}
		cells := []table.Cell{{Text: cmp.Or(run.Point.String(), s.name)}}
		for _, m := range results.Main {
			for _, base := range m.Bases() {
				cells = append(cells, ratio(run, *row, m, base))
			}
		}
		sheet.Rows = append(sheet.Rows, table.Row{Cells: cells, Saturated: row.Saturated()})
	}
	return sheet.Compact()
}

// ratio is empty where the metric says nothing: the rate, where it is fixed, and
// latency, where it follows from the rate.
func ratio(run results.Run, row results.Row, m results.Metric, base string) table.Cell {
	fixed := run.Point.Rate > 0
	to := run.Base(base, m)
	if to == nil || fixed && m.Name == results.Rate.Name || !fixed && m.Name == results.P99.Name {
		return table.Cell{}
	}
	return table.Ratio(m, row, *to)
}
