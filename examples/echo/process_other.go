//go:build !unix

package main

// Stand-ins where the engine does not run yet: enough to say so.

import (
	"math"
	"time"
)

func descriptorLimit() int { return math.MaxInt }

func cpuTime() time.Duration { return 0 }

func isAddressInUse(error) bool { return false }

func isAddressUnknown(error) bool { return false }
