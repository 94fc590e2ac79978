package report

// Colours, shapes and fonts.

import (
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/eddyline/eddyline/bench/internal/results"
)

// What is not a server's. The page replaces these colours by its own, which follow
// the reader's choice of light or dark.
var (
	ink   = color.RGBA{0x1f, 0x23, 0x28, 0xff}
	muted = color.RGBA{0x59, 0x63, 0x6e, 0xff}
	grid  = color.RGBA{0xd8, 0xde, 0xe4, 0xff}
	paper = color.RGBA{0xff, 0xff, 0xff, 0xff}
)

// look is how a server is drawn, the same in all charts. Colour, shape and dashes
// each tell it from others.
type look struct {
	color  color.RGBA
	shape  shape
	dashes []vg.Length
	width  vg.Length
}

// Colours that are told apart with the common kinds of colour blindness, and that
// stand out from white and from black.
var (
	blue       = color.RGBA{0x1f, 0x77, 0xc4, 0xff}
	vermillion = color.RGBA{0xd5, 0x5e, 0x00, 0xff}
	green      = color.RGBA{0x00, 0x9e, 0x73, 0xff}
	purple     = color.RGBA{0xc0, 0x5a, 0x96, 0xff}
	gold       = color.RGBA{0xb8, 0x86, 0x0b, 0xff}
	sky        = color.RGBA{0x45, 0xa5, 0xdc, 0xff}
	brown      = color.RGBA{0x99, 0x66, 0x55, 0xff}
	grey       = color.RGBA{0x80, 0x88, 0x90, 0xff}
)

var known = []struct {
	server string
	look   look
}{
	{results.Eddyline, look{color: blue, shape: circle, width: 2.2}},
	{results.Net, look{color: green, shape: square, width: 1.2}},
	{results.Gnet, look{color: vermillion, shape: triangle, width: 1.2}},
	{"evio", look{color: purple, shape: diamond, width: 1.2}},
	{"netpoll", look{color: gold, shape: inverted, width: 1.2}},
	{"nbio", look{color: sky, shape: hexagon, width: 1.2}},
	{"redis", look{color: brown, shape: square, width: 1.2}},
}

var (
	floorLook = look{color: grey, shape: circle, width: 1.2}
	otherLook = look{color: brown, shape: diamond, width: 1.2}
)

// variants are the dashes of a server's variants, in the order of their rows.
var variants = [][]vg.Length{nil, {5, 2}, {1.5, 2}, {6, 2, 1.5, 2}}

// looks returns the look of each server of the document.
func looks(d *results.Document) map[string]look {
	of, count := map[string]look{}, map[color.RGBA]int{}
	for _, run := range d.Runs {
		for _, row := range run.Rows {
			if _, ok := of[row.Server]; ok {
				continue
			}
			l := family(row)
			l.dashes = variants[count[l.color]%len(variants)]
			count[l.color]++
			of[row.Server] = l
		}
	}
	return of
}

func family(row results.Row) look {
	if row.Floor || strings.HasPrefix(row.Server, results.Floor) {
		return floorLook
	}
	for _, k := range known {
		if row.Is(k.server) {
			return k.look
		}
	}
	return otherLook
}

func (l look) line() draw.LineStyle {
	return draw.LineStyle{Color: l.color, Width: l.width, Dashes: l.dashes}
}

func (l look) thin() draw.LineStyle { return draw.LineStyle{Color: l.color, Width: 0.8} }

// shape is a regular polygon.
type shape struct {
	sides int
	turn  float64 // of the first corner, radians from the right
}

var (
	circle   = shape{24, 0}
	square   = shape{4, math.Pi / 4}
	diamond  = shape{4, 0}
	triangle = shape{3, math.Pi / 2}
	inverted = shape{3, -math.Pi / 2}
	hexagon  = shape{6, 0}
)

const radius = vg.Length(3)

// mark draws the shape at a point; a hollow one marks what the generator limited.
func (l look) mark(c draw.Canvas, at vg.Point, hollow bool) {
	var corners []vg.Point
	for i := range l.shape.sides + 1 {
		sin, cos := math.Sincos(l.shape.turn + 2*math.Pi*float64(i)/float64(l.shape.sides))
		corners = append(corners, vg.Point{X: at.X + radius*vg.Length(cos), Y: at.Y + radius*vg.Length(sin)})
	}
	fill := color.Color(l.color)
	if hollow {
		fill = paper
	}
	c.FillPolygon(fill, corners)
	c.StrokeLines(draw.LineStyle{Color: l.color, Width: 1.2}, corners)
}

// style returns the style of a text.
func style(size vg.Length, of color.Color, x text.XAlignment, y text.YAlignment) text.Style {
	return text.Style{
		Color:   of,
		Font:    font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size),
		XAlign:  x,
		YAlign:  y,
		Handler: plain,
	}
}

var plain = text.Plain{Fonts: font.DefaultCache}
