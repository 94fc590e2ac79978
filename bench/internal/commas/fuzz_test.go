package commas

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// positive is a positive number, however large.
var positive = regexp.MustCompile(`^\+?0*[1-9][0-9]*$`)

// modelNumbers reads a list of numbers; wrong is its first part that is none.
func modelNumbers(text string) (all []int, wrong string, ok bool) {
	if text == "" {
		return nil, "", true
	}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		n, _ := new(big.Int).SetString(part, 10)
		if !positive.MatchString(part) || n.Cmp(big.NewInt(math.MaxInt)) > 0 {
			return nil, part, false
		}
		all = append(all, int(n.Int64()))
	}
	return all, "", true
}

func FuzzNumbers(f *testing.F) {
	for _, text := range []string{
		"", "1", "1, 20,+300", " 4\t", ",", "1,", "1,,2", "0", "-1", "007", "1.5", "0x10", "1_000", "9223372036854775807", "9223372036854775808", "12 3", "one",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var got []int
		err := Numbers("-n", text, &got)
		want, wrong, ok := modelNumbers(text)
		if (err == nil) != ok || !slices.Equal(got, want) {
			t.Fatalf("%q: %v, %v, want %v", text, got, err, want)
		}
		if err != nil && err.Error() != fmt.Sprintf("-n %s: %q is no positive number", text, wrong) {
			t.Errorf("%q: %q does not name %q", text, err, wrong)
		}
	})
}

// Rates come back as they are written, one by one; nothing else is one.
func FuzzRates(f *testing.F) {
	for _, text := range []string{"", "1", "0.5, 1e6", "0", "-1", "NaN", "Inf", "1e999", "1e-999", "1,", "x", "1 2"} {
		f.Add(text, []byte("\x40\x09\x21\xfb\x54\x44\x2d\x18"))
	}
	f.Fuzz(func(t *testing.T, text string, bits []byte) {
		var rates []float64
		var texts []string
		for ; len(bits) >= 8; bits = bits[8:] {
			r := math.Abs(math.Float64frombits(binary.BigEndian.Uint64(bits)))
			if r > 0 && !math.IsInf(r, 0) {
				rates, texts = append(rates, r), append(texts, fmt.Sprint(r))
			}
		}
		var got []float64
		if err := Rates("-r", strings.Join(texts, ", "), &got); err != nil || !slices.Equal(got, rates) {
			t.Errorf("%q: %v, %v, want %v", texts, got, err, rates)
		}
		got = nil
		if err := Rates("-r", text, &got); err != nil {
			if !strings.HasPrefix(err.Error(), "-r "+text+": ") || got != nil {
				t.Errorf("%q: %v, %q does not name it", text, got, err)
			}
			return
		}
		for _, r := range got {
			if !(r > 0) || math.IsInf(r, 0) {
				t.Errorf("%q: %v is no rate", text, r)
			}
		}
		if want := len(Split(text)); text != "" && len(got) != want {
			t.Errorf("%q: %v, want %d rates", text, got, want)
		}
	})
}
