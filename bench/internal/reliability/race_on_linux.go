//go:build race

package reliability

// raceEnabled says that this program, and so its servers, have the race detector.
const raceEnabled = true
