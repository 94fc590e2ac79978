package proc

// Each reader gets back what is written as the kernel writes it; of any other text it
// makes what a simple model makes of it, or an error that quotes it.

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
)

var digits = regexp.MustCompile(`^[0-9]+$`)

// modelCount is Count with numbers that have no bound.
func modelCount(text string, unit int64) (int64, bool) {
	if !digits.MatchString(text) {
		return 0, false
	}
	n, _ := new(big.Int).SetString(text, 10)
	n.Mul(n, big.NewInt(unit))
	return n.Int64(), n.IsInt64()
}

// counts are texts that are counts, some of which do not fit.
var counts = []string{"0", "25", "007", "9223372036854775807", "9223372036854775808", "9007199254740991", "9007199254740992", "99999999999999999999", "-1", "+1", "1_0", "0x1", "1.5", "", " 1", "many"}

func FuzzCount(f *testing.F) {
	for _, text := range counts {
		f.Add(text, int64(1))
		f.Add(text, int64(1024))
	}
	f.Fuzz(func(t *testing.T, text string, unit int64) {
		if unit <= 0 {
			return
		}
		got, err := Count(text, unit)
		if want, ok := modelCount(text, unit); (err == nil) != ok || ok && got != want {
			t.Errorf("%q of %d: %d, %v, want %d, %v", text, unit, got, err, want, ok)
		}
		quotes(t, err, text)
	})
}

// quotes wants err, if it is one, to tell the text.
func quotes(t *testing.T, err error, text string) {
	t.Helper()
	if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("%q", text)) {
		t.Errorf("%q does not quote %q", err, text)
	}
}

// named is a line that begins with a name.
var named = regexp.MustCompile(`^([^:]*):((?s:.*))$`)

// spaced tells whether the words of a text are parted by what the kernel puts there.
func spaced(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) && !strings.ContainsRune(" \t\n", r) })
}

func FuzzKilobytes(f *testing.F) {
	for _, text := range []string{
		"5566-7788 ---p 00000000 00:00 0   [rollup]\nRss:                1524 kB\nAnonymous:           120 kB\n", "VmRSS:\t     940 kB\n",
		"Rss: 1 kB\nRss: 2 kB\n", "Rss: 12\n", "Rss: many kB\n", "Rss: -1 kB", "Rss:12 kB kB", "Rss:  12  kB", "Rss: 9007199254740992 kB", "Pss: 1 kB",
		"XRss: 1 kB", "Rss : 3 kB", "", ":", "Rss",
	} {
		f.Add(text, "Rss")
	}
	f.Add("model\t: 17\nmodel name\t: A: fast one\nmodel name\t: another\n", "model name")
	f.Fuzz(func(t *testing.T, text, name string) {
		if strings.TrimSpace(name) != name || strings.ContainsAny(name, ":\n") {
			return // no name
		}
		value, found := Value([]byte(text), name)
		want, any := "", false
		for l := range strings.SplitSeq(text, "\n") {
			if m := named.FindStringSubmatch(l); m != nil && strings.TrimSpace(m[1]) == name {
				want, any = strings.TrimSpace(m[2]), true
				break
			}
		}
		if value != want || found != any {
			t.Fatalf("%q in %q is %q, %v, want %q, %v", name, text, value, found, want, any)
		}
		got, err := Kilobytes([]byte(text), name)
		kb, ok := modelCount(strings.TrimSuffix(want, " kB"), 1024)
		ok = ok && strings.HasSuffix(want, " kB")
		if (err == nil) != ok || ok && got != kb {
			t.Errorf("%q in %q: %d, %v, want %d, %v", name, text, got, err, kb, ok)
		}
		if found {
			quotes(t, err, want)
		}
	})
}

func FuzzCores(f *testing.F) {
	for _, text := range []string{"100 20 3 \n", "many\n", "", "1 9223372036854775807 1", "1 -1 +1", "1\n2\n"} {
		f.Add(text, 0, 1)
		f.Add(text, 2, 1)
		f.Add(text, -1, 0)
	}
	f.Fuzz(func(t *testing.T, text string, a, b int) {
		got, err := Cores([]byte(text), []int{a, b})
		sum, ok := new(big.Int), true
		figures := strings.Fields(text)
		for _, core := range []int{a, b} {
			if core < 0 || core >= len(figures) {
				ok = false
				break
			}
			n, fits := modelCount(figures[core], 1)
			sum.Add(sum, big.NewInt(n))
			ok = ok && fits && sum.IsInt64()
		}
		if (err == nil) != ok || ok && int64(got) != sum.Int64() {
			t.Errorf("%q of %d and %d: %d, %v, want %v, %v", text, a, b, got, err, sum, ok)
		}
		quotes(t, err, text)
	})
}

func FuzzTimes(f *testing.F) {
	const stat = "42 %s S 1 7 7 0 -1 4194560 1 2 3 4 %s %s 5 6 20 0 1 0 99"
	for _, name := range []string{"(redis-server)", "(a b)", "(a) (b)", "(a\nb)", "()"} {
		f.Add(fmt.Sprintf(stat, name, "25", "130"), name, uint64(25), uint64(130))
	}
	for _, n := range counts {
		f.Add(fmt.Sprintf(stat, "(x)", n, "1"), "(x)", uint64(1)<<63, uint64(922337203685))
		f.Add(fmt.Sprintf(stat, "(x)", "1", n), ")(", uint64(922337203686), uint64(1))
	}
	f.Add("42 (a) S 1 7", "", uint64(0), uint64(0))
	f.Fuzz(func(t *testing.T, text, name string, ticks1, ticks2 uint64) {
		checkTimes(t, text)
		if !strings.Contains(name, ")") {
			name += ")"
		}
		checkTimes(t, fmt.Sprintf(stat, name, fmt.Sprint(ticks1), fmt.Sprint(ticks2)))
	})
}

// statLine is a line of stat up to its times: what comes last in parentheses, then
// eleven words.
var statLine = regexp.MustCompile(`^(?s:.*\))?[^)\S]*(?:[^)\s]+\s+){11}([^)\s]+)\s+([^)\s]+)[^)]*$`)

func checkTimes(t *testing.T, text string) {
	t.Helper()
	if !spaced(text) {
		return
	}
	var want [2]int64
	m := statLine.FindStringSubmatch(text)
	ok := m != nil
	for i := range want {
		fits := false
		if ok {
			want[i], fits = modelCount(m[1+i], int64(10*time.Millisecond))
		}
		ok = ok && fits
	}
	user, system, err := Times([]byte(text))
	if (err == nil) != ok || ok && (int64(user) != want[0] || int64(system) != want[1]) {
		t.Errorf("%q: %v, %v, %v, want %v, %v", text, user, system, err, want, ok)
	}
	quotes(t, err, text)
}

func FuzzSchedstat(f *testing.F) {
	for _, text := range counts {
		f.Add(text, "2", "3")
		f.Add("1", text, "3")
	}
	f.Add("981532", "31597", "3 4")
	f.Fuzz(func(t *testing.T, ran, waited, slices string) {
		text := ran + " " + waited + " " + slices + "\n"
		got1, got2, err := Schedstat([]byte(text))
		var want [2]int64
		words := strings.Fields(text)
		ok := len(words) == 3
		for i := range want {
			fits := false
			if ok {
				want[i], fits = modelCount(words[i], 1)
			}
			ok = ok && fits
		}
		if (err == nil) != ok || ok && (int64(got1) != want[0] || int64(got2) != want[1]) {
			t.Errorf("%q: %d, %d, %v, want %v, %v", text, got1, got2, err, want, ok)
		}
		quotes(t, err, text)
	})
}

var autogroup = regexp.MustCompile(`^/autogroup-([0-9]+) nice ([+-]?0*[0-9]{1,2})\n?$`)

func FuzzAutogroup(f *testing.F) {
	for _, text := range []string{
		"", "/autogroup-1 nice 0", "/autogroup-1 nice 0\n\n", "/autogroup-x nice 0\n", "/autogroup-1 nice 20\n", "/autogroup-1 nice -21\n", "/autogroup-1 nice 1x\n",
		"/autogroup-1 nice\n", "autogroup-1 nice 0\n", "/autogroup-99999999999999999999 nice 1\n", "/autogroup-00000000000000000000 nice +01",
	} {
		f.Add(text, uint32(8466), int8(-20))
	}
	f.Fuzz(func(t *testing.T, text string, id uint32, nice int8) {
		nice %= 20 // -19 to 19
		if got, err := Autogroup(fmt.Appendf(nil, "/autogroup-%d nice %d\n", id, nice)); err != nil || got != int(nice) {
			t.Errorf("%d: %d, %v", nice, got, err)
		}
		want, ok := 0, false
		if m := autogroup.FindStringSubmatch(text); m != nil {
			_, fits := modelCount(m[1], 1)
			want, _ = strconv.Atoi(m[2])
			ok = fits && want >= -20 && want <= 19
		}
		got, err := Autogroup([]byte(text))
		if (err == nil) != ok || ok && got != want {
			t.Errorf("%q: %d, %v, want %d, %v", text, got, err, want, ok)
		}
		quotes(t, err, text)
	})
}

const heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

// text is a line of /proc/net/tcp, as get_tcp4_sock of Linux prints it.
func (s Socket) text(i int) string {
	word := func(a netip.AddrPort) uint32 {
		b := a.Addr().As4()
		return binary.NativeEndian.Uint32(b[:])
	}
	return fmt.Sprintf("%4d: %08X:%04X %08X:%04X %02X %08X:%08X %02X:%08X %08X %5d %8d %s %d %016x %d %d %d %d %d\n", i,
		word(s.Local), s.Local.Port(), word(s.Peer), s.Peer.Port(), s.State, s.Unsent, s.Unread, 1, 2, 3, 0, 0, s.Inode, 2, 0xd2a8b0e7, 100, 0, 0, 10, 0)
}

// socketLine is what such a line has in front of what nobody reads.
var socketLine = regexp.MustCompile(`^\s*\S+\s+[0-9A-Fa-f]{8}:[0-9A-Fa-f]{4}\s+[0-9A-Fa-f]{8}:[0-9A-Fa-f]{4}\s+[0-9A-Fa-f]{2}\s+[0-9A-Fa-f]{8}:[0-7][0-9A-Fa-f]{7}(?:\s+\S+){4}\s+[0-9]+(?:\s.*)?$`)

func FuzzSockets(f *testing.F) {
	known := Socket{Local: netip.MustParseAddrPort("127.0.0.1:8080"), Peer: netip.MustParseAddrPort("10.1.2.3:43690"), State: CloseWait, Unsent: 1, Unread: 1<<31 - 1, Inode: "18342949"}
	f.Add(known.text(0), []byte("\x7f\x00\x00\x01\x1f\x90\x0a\x01\x02\x03\xaa\xaa\x01\x00\x00\x00\x02\x00\x00\x00\x03"))
	f.Add("", []byte("\x7f\x00\x00\x01\x1f\x90\x7f\x00\x00\x01\xaa\xaa\xbb\x6f\x7d\x9d\x00\x00\x00\x00\x02")) // the first digit of what is unsent is high
	for _, broken := range []string{"", "\n", heading, "   0: 0100007F:B343\n"} {
		f.Add(broken, []byte{})
	}
	for old, new := range map[string]string{":1F90": ":1F9", "0A": "G0", " 08 ": " 008 ", "7FFFFFFF": "80000000", "18342949": "-1", ":7FFFFFFF": " 7FFFFFFF"} {
		f.Add(strings.Replace(known.text(1), old, new, 1), []byte{})
	}
	f.Fuzz(func(t *testing.T, line string, bytes []byte) {
		var want []Socket
		whole := heading
		for ; len(bytes) >= 21; bytes = bytes[21:] {
			at := func(i int) netip.AddrPort {
				return netip.AddrPortFrom(netip.AddrFrom4([4]byte(bytes[i:])), binary.BigEndian.Uint16(bytes[i+4:]))
			}
			unsent, unread := binary.BigEndian.Uint32(bytes[12:]), int(binary.BigEndian.Uint32(bytes[16:])>>1)
			s := Socket{at(0), at(6), State(bytes[20]), int(unsent), unread, fmt.Sprint(unread)}
			whole += s.text(len(want))
			if unsent > math.MaxInt32 {
				s.Unsent = 0
			}
			want = append(want, s)
		}
		if got, err := Sockets([]byte(whole)); err != nil || !slices.Equal(got, want) {
			t.Fatalf("%s: %+v, %v, want %+v", whole, got, err, want)
		}
		if i := strings.IndexByte(line, '\n'); i >= 0 {
			line = line[:i+1]
		}
		if !spaced(line) {
			return
		}
		got, err := Sockets([]byte(heading + line))
		taken := line != "" && socketLine.MatchString(strings.TrimSuffix(line, "\n"))
		if line != "" && (err == nil) != taken || len(got) > 1 {
			t.Errorf("%q is %+v, %v, want a socket: %v", line, got, err, taken)
		}
		quotes(t, err, line)
	})
}
