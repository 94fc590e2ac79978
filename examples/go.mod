module github.com/eddyline/eddyline/examples

go 1.26.0

replace github.com/eddyline/eddyline => ../

require (
	github.com/HdrHistogram/hdrhistogram-go v1.4.0
	github.com/eddyline/eddyline v0.0.0-00010101000000-000000000000
)

require golang.org/x/sys v0.49.0 // indirect
