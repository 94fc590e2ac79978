package report

// Charts of lines and of bars.

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/eddyline/eddyline/bench/internal/stats"
	"github.com/eddyline/eddyline/bench/internal/table"
)

// Sizes of a chart: text is readable when it is as wide as a phone.
const (
	width    = vg.Length(400)
	height   = vg.Length(270)
	barPitch = vg.Length(19)
	textSize = vg.Length(10.5)
)

// point is one place of a line.
type point struct {
	x, y, low, high float64
	hollow          bool
}

// line is one server's points, ascending in x.
type line struct {
	server string
	look   look
	points []point
	band   bool // the spread as a band instead of bars
	plain  bool // no marks
}

// NewPlot returns an empty plot in the style of all.
func NewPlot() *plot.Plot {
	p := plot.New()
	p.TextHandler = plain
	p.BackgroundColor = nil
	p.Title.TextStyle = style(11.5, ink, draw.XCenter, draw.YTop)
	p.Title.Padding = 8
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.LineStyle = draw.LineStyle{Color: muted, Width: 0.6}
		axis.Tick.LineStyle = axis.LineStyle
		axis.Tick.Length = 4
		axis.Padding = 4
		axis.Tick.Marker = ticks(linear)
	}
	p.X.Label.TextStyle = style(textSize, ink, draw.XCenter, draw.YBottom)
	p.Y.Label.TextStyle = style(textSize, ink, draw.XCenter, draw.YBottom)
	p.X.Label.Padding, p.Y.Label.Padding = 2, 4
	p.X.Tick.Label = style(textSize, muted, draw.XCenter, draw.YTop)
	p.Y.Tick.Label = style(textSize, muted, draw.XRight, draw.YCenter)
	return p
}

// Grid returns lines at the marks of both axes.
func Grid() *plotter.Grid { return gridLines(true, true) }

func gridLines(vertical, horizontal bool) *plotter.Grid {
	g := plotter.NewGrid()
	g.Vertical, g.Horizontal = draw.LineStyle{}, draw.LineStyle{}
	if vertical {
		g.Vertical = draw.LineStyle{Color: grid, Width: 0.6}
	}
	if horizontal {
		g.Horizontal = draw.LineStyle{Color: grid, Width: 0.6}
	}
	return g
}

// Plot draws the spread, the line and the marks.
func (l line) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var middle, low, high []vg.Point
	for _, pt := range l.points {
		middle = append(middle, vg.Point{X: x(pt.x), Y: y(pt.y)})
		low = append(low, vg.Point{X: x(pt.x), Y: y(pt.low)})
		high = append(high, vg.Point{X: x(pt.x), Y: y(pt.high)})
	}
	if l.band {
		slices.Reverse(low)
		c.FillPolygon(color.NRGBA{l.look.color.R, l.look.color.G, l.look.color.B, 0x28}, append(high, low...))
	} else {
		for i := range middle {
			whisker(c, l.look, low[i], high[i])
		}
	}
	c.StrokeLines(l.look.line(), middle)
	if l.plain {
		return
	}
	for i, pt := range l.points {
		l.look.mark(c, middle[i], pt.hollow)
	}
}

// whisker draws a spread from a to b, with a short line across at both ends.
func whisker(c draw.Canvas, l look, a, b vg.Point) {
	if a == b {
		return
	}
	across := vg.Point{X: 2}
	if a.Y == b.Y {
		across = vg.Point{Y: 2}
	}
	c.StrokeLines(l.thin(), []vg.Point{a, b}, []vg.Point{a.Sub(across), a.Add(across)}, []vg.Point{b.Sub(across), b.Add(across)})
}

// DataRange returns the room that the line and its spread take.
func (l line) DataRange() (xmin, xmax, ymin, ymax float64) {
	xmin, ymin, xmax, ymax = math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, pt := range l.points {
		xmin, xmax = min(xmin, pt.x), max(xmax, pt.x)
		ymin, ymax = min(ymin, pt.y, pt.low), max(ymax, pt.y, pt.high)
	}
	return xmin, xmax, ymin, ymax
}

// names writes the name of each line at its right end.
type names struct {
	lines  []line
	values bool // with the last value
}

func (n names) text(l line) string {
	if !n.values {
		return l.server
	}
	return fmt.Sprintf("%s %.2f", l.server, l.points[len(l.points)-1].y)
}

const (
	namesGap   = vg.Length(16)
	namesPitch = vg.Length(12.5)
)

// GlyphBoxes keeps room for the names.
func (n names) GlyphBoxes(p *plot.Plot) []plot.GlyphBox {
	sty := style(textSize, ink, draw.XLeft, draw.YCenter)
	var widest vg.Length
	for _, l := range n.lines {
		widest = max(widest, sty.Width(n.text(l)))
	}
	return []plot.GlyphBox{{X: 1, Y: 0.5, Rectangle: vg.Rectangle{Min: vg.Point{Y: -1}, Max: vg.Point{X: widest + namesGap + 6, Y: 1}}}}
}

// Plot writes the names, each as near to its line's height as the others allow.
func (n names) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	type name struct {
		line line
		end  vg.Point
		at   vg.Length
	}
	var list []name
	for _, l := range n.lines {
		last := l.points[len(l.points)-1]
		end := vg.Point{X: x(last.x), Y: y(last.y)}
		list = append(list, name{l, end, end.Y})
	}
	slices.SortStableFunc(list, func(a, b name) int { return cmp.Compare(a.end.Y, b.end.Y) })
	wanted := make([]vg.Length, len(list))
	for i, l := range list {
		wanted[i] = l.end.Y
	}
	sty := style(textSize, ink, draw.XLeft, draw.YCenter)
	for i, at := range spread(wanted, namesPitch, c.Min.Y, c.Max.Y) {
		l := list[i]
		left := c.Max.X + namesGap
		c.StrokeLines(draw.LineStyle{Color: l.line.look.color, Width: 0.5}, []vg.Point{{X: l.end.X + radius, Y: l.end.Y}, {X: left - radius - 2, Y: at}})
		if !l.line.plain {
			l.line.look.mark(c, vg.Point{X: left - radius, Y: at}, false)
		} else {
			c.StrokeLines(l.line.look.line(), []vg.Point{{X: left - 2*radius - 2, Y: at}, {X: left, Y: at}})
		}
		c.FillText(sty, vg.Point{X: left + 3, Y: at + sty.FontExtents().Descent}, n.text(l.line))
	}
}

// spread moves ascending places apart until they are pitch from each other, and
// closer only if there is no room for that between low and high.
func spread(wanted []vg.Length, pitch, low, high vg.Length) []vg.Length {
	if len(wanted) == 0 {
		return nil
	}
	if n := vg.Length(len(wanted) - 1); n > 0 {
		pitch = min(pitch, (high-low)/n)
	}
	at := slices.Clone(wanted)
	// Neighbours that touch move together, around the middle of what they want.
	type block struct {
		first, count int
		sum          vg.Length // of the places wanted for its first, over its members
	}
	start := func(b block) vg.Length {
		room := high - pitch*vg.Length(b.count-1)
		return max(low, min(room, b.sum/vg.Length(b.count)))
	}
	var blocks []block
	for i, w := range wanted {
		blocks = append(blocks, block{i, 1, w})
		for n := len(blocks); n > 1; n = len(blocks) {
			a, b := blocks[n-2], blocks[n-1]
			if start(a)+pitch*vg.Length(a.count) <= start(b) {
				break
			}
			merged := block{a.first, a.count + b.count, a.sum + b.sum - pitch*vg.Length(a.count*b.count)}
			blocks = append(blocks[:n-2], merged)
		}
	}
	for _, b := range blocks {
		for i := range b.count {
			at[b.first+i] = start(b) + pitch*vg.Length(i)
		}
	}
	return at
}

// bar is one server's figure.
type bar struct {
	server string
	look   look
	value  stats.Summary
	hollow bool
	text   string // beside it
}

// bars are drawn from the top down.
type bars []bar

// Plot draws the bars, their spread and their texts.
func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	sty := style(textSize, ink, draw.XLeft, draw.YCenter)
	for i, bar := range b {
		middle, half := y(b.at(i)), barPitch*0.34
		left, right := x(0), x(bar.value.Median)
		box := []vg.Point{{X: left, Y: middle - half}, {X: right, Y: middle - half}, {X: right, Y: middle + half}, {X: left, Y: middle + half}, {X: left, Y: middle - half}}
		fill := color.Color(bar.look.color)
		if bar.hollow {
			fill = paper
		}
		c.FillPolygon(fill, box)
		c.StrokeLines(draw.LineStyle{Color: bar.look.color, Width: 1.2}, box)
		end := right
		if bar.value.N > 1 {
			end = max(end, x(bar.value.Q3))
			c.StrokeLines(draw.LineStyle{Color: ink, Width: 0.9}, []vg.Point{{X: x(bar.value.Q1), Y: middle}, {X: x(bar.value.Q3), Y: middle}})
		}
		c.FillText(sty, vg.Point{X: end + 5, Y: middle + sty.FontExtents().Descent}, bar.text)
	}
}

func (b bars) at(i int) float64 { return float64(len(b) - 1 - i) }

// DataRange returns the room for the bars; the axis begins at 0.
func (b bars) DataRange() (xmin, xmax, ymin, ymax float64) {
	for _, bar := range b {
		xmax = max(xmax, bar.value.Median, bar.value.Q3)
	}
	return 0, xmax, -0.5, float64(len(b)) - 0.5
}

// GlyphBoxes keeps room for the texts.
func (b bars) GlyphBoxes(p *plot.Plot) []plot.GlyphBox {
	sty := style(textSize, ink, draw.XLeft, draw.YCenter)
	var boxes []plot.GlyphBox
	for i, bar := range b {
		boxes = append(boxes, plot.GlyphBox{
			X:         p.X.Norm(max(bar.value.Median, bar.value.Q3)),
			Y:         p.Y.Norm(b.at(i)),
			Rectangle: vg.Rectangle{Max: vg.Point{X: sty.Width(bar.text) + 10}},
		})
	}
	return boxes
}

// ticks places marks and writes what they are.
type ticks func(low, high float64) []plot.Tick

// Ticks returns the marks between low and high.
func (t ticks) Ticks(low, high float64) []plot.Tick { return t(low, high) }

// linear is evenly spaced, by a round number.
func linear(low, high float64) []plot.Tick {
	const most = 6
	step := roundUp((high - low) / most)
	if step <= 0 {
		return nil
	}
	var list []plot.Tick
	for i := math.Ceil(low / step); i*step <= high && len(list) <= most; i++ {
		list = append(list, plot.Tick{Value: i * step, Label: short(i * step)})
	}
	return list
}

// roundUp returns the next number above v whose first digits are 1, 2, 2.5 or 5
// and whose others are 0.
func roundUp(v float64) float64 {
	decade := math.Pow(10, math.Floor(math.Log10(v)))
	for _, first := range []float64{1, 2, 2.5, 5} {
		if first*decade >= v {
			return first * decade
		}
	}
	return 10 * decade
}

// at marks the values, and labels those that are far enough apart on a logarithmic
// axis.
func at(values []float64, label func(float64) string) ticks {
	const apart = 0.11
	return func(low, high float64) []plot.Tick {
		var list []plot.Tick
		last := math.Inf(-1)
		for _, v := range values {
			t := plot.Tick{Value: v}
			if place := math.Log(v/low) / math.Log(high/low); place-last >= apart {
				last, t.Label = place, label(v)
			}
			list = append(list, t)
		}
		return list
	}
}

// Durations marks a logarithmic axis of microseconds.
var Durations plot.Ticker = ticks(durations)

// durations marks microseconds on a logarithmic axis.
func durations(low, high float64) []plot.Tick {
	steps := []float64{1, 2, 5}
	if high/low > 300 {
		steps = []float64{1}
	}
	var list []plot.Tick
	for decade := math.Pow(10, math.Floor(math.Log10(low))); decade <= high; decade *= 10 {
		for _, step := range steps {
			if v := step * decade; v >= low && v <= high {
				list = append(list, plot.Tick{Value: v, Label: duration(v)})
			}
		}
	}
	return list
}

func duration(us float64) string {
	switch {
	case us >= 1e6:
		return fmt.Sprintf("%g s", us/1e6)
	case us >= 1e3:
		return fmt.Sprintf("%g ms", us/1e3)
	}
	return fmt.Sprintf("%g µs", us)
}

// nines marks shares of requests: x is how many nines a share has.
func nines(_, high float64) []plot.Tick {
	list := []plot.Tick{{Value: 0}, {Value: toNines(0.5), Label: "50 %"}}
	for n, label := range []string{"90 %", "99 %", "99.9 %", "99.99 %", "99.999 %"} {
		if float64(n+1) <= high {
			list = append(list, plot.Tick{Value: float64(n + 1), Label: label})
		}
	}
	return list
}

func toNines(q float64) float64 { return -math.Log10(1 - q) }

// short writes a number for a mark.
func short(v float64) string {
	switch size := math.Abs(v); {
	case size >= 1e6:
		return fmt.Sprintf("%gM", round(v/1e6))
	case size >= 1e4:
		return fmt.Sprintf("%gk", round(v/1e3))
	}
	return fmt.Sprintf("%g", round(v))
}

// size writes a number of bytes for a mark.
func size(v float64) string {
	if v >= 1024 && math.Mod(v, 1024) == 0 {
		return short(v/1024) + "K"
	}
	return short(v)
}

// round removes what arithmetic left beyond six digits.
func round(v float64) float64 { return math.Round(v*1e6) / 1e6 }

// figure writes a number beside a bar.
func figure(v float64) string {
	if math.Abs(v) >= 1e4 {
		return fmt.Sprintf("%.1fk", v/1e3)
	}
	return table.Figure(v)
}
