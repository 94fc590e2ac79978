// Package commas reads lists with commas, as flags have them.
package commas

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Split returns the parts of text without the spaces around them; that of an empty text
// is empty.
func Split(text string) []string {
	parts := strings.Split(text, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// Numbers sets into to the positive numbers in the text of the flag of that name, which
// an error names. An empty text leaves into.
func Numbers(name, text string, into *[]int) error {
	return read(name, text, "positive number", into, func(part string) (int, bool) {
		n, err := strconv.Atoi(part)
		return n, err == nil && n > 0
	})
}

// Rates is Numbers for such as may have a fraction.
func Rates(name, text string, into *[]float64) error {
	return read(name, text, "rate", into, func(part string) (float64, bool) {
		r, err := strconv.ParseFloat(part, 64)
		return r, err == nil && r > 0 && !math.IsInf(r, 0)
	})
}

func read[T any](name, text, what string, into *[]T, one func(part string) (T, bool)) error {
	if text == "" {
		return nil
	}
	var all []T
	for _, part := range Split(text) {
		v, ok := one(part)
		if !ok {
			return fmt.Errorf("%s %s: %q is no %s", name, text, part, what)
		}
		all = append(all, v)
	}
	*into = all
	return nil
}
