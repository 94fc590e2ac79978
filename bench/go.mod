module github.com/eddyline/eddyline/bench

go 1.26.0

require golang.org/x/sys v0.49.0

require github.com/eddyline/eddyline v0.0.0

replace github.com/eddyline/eddyline => ../
