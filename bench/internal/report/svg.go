package report

// From a plot to SVG.

import (
	"bytes"
	"fmt"
	"image/color"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// drawn is a chart as SVG. Text in it is escaped.
type drawn struct {
	body          string // what is inside of the element svg
	width, height vg.Length
}

// SVG returns a plot as a file of its own, on white, with a label for who cannot see
// it.
func SVG(p *plot.Plot, width, height vg.Length, label string) ([]byte, error) {
	d, err := render(p, width, height)
	if err != nil {
		return nil, err
	}
	return []byte(d.file(label)), nil
}

func render(p *plot.Plot, width, height vg.Length) (drawn, error) {
	canvas := vgsvg.New(width, height)
	// The margin is for the last of the tick labels.
	p.Draw(draw.Crop(draw.New(canvas), 3, -3, 3, -6))
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return drawn{}, err
	}
	// The program's own frame has a declaration, which a page must not have.
	_, body, _ := strings.Cut(out.String(), "<svg")
	_, body, _ = strings.Cut(body, ">")
	body, _, found := strings.Cut(body, "</svg>")
	if !found {
		return drawn{}, fmt.Errorf("no SVG in %d bytes that were drawn", out.Len())
	}
	return drawn{fonts.Replace(strings.TrimSpace(body)), width, height}, nil
}

// fonts have the same widths as the one that the plot was made with.
var fonts = strings.NewReplacer("font-family:Liberation Sans;font-variant:normal;font-weight:normal;font-style:normal",
	"font-family:Liberation Sans,Arial,Helvetica,sans-serif")

const frame = `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %g %g" role="img" aria-label="%s">
%s%s
</svg>
`

// file returns the chart as a file of its own, on white.
func (d drawn) file(label string) string {
	return d.framed(label, `<rect width="100%" height="100%" style="fill:#ffffff"/>`+"\n", d.body)
}

// inline returns the chart for a page, in the page's colours.
func (d drawn) inline(label string) string {
	return d.framed(label, "", themed.Replace(d.body))
}

func (d drawn) framed(label, back, body string) string {
	const pixels = 96.0 / 72
	w, h := d.width.Points(), d.height.Points()
	return fmt.Sprintf(frame, w*pixels, h*pixels, w, h, attribute.Replace(label), back, body)
}

var attribute = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

var themed = func() *strings.Replacer {
	var pairs []string
	for _, c := range []struct {
		color color.RGBA
		name  string
	}{{ink, "--ink"}, {muted, "--muted"}, {grid, "--grid"}, {paper, "--paper"}} {
		hex := fmt.Sprintf("#%02X%02X%02X", c.color.R, c.color.G, c.color.B)
		for _, property := range []string{"fill:", "stroke:"} {
			pairs = append(pairs, property+hex, property+"var("+c.name+")")
		}
	}
	return strings.NewReplacer(pairs...)
}()
