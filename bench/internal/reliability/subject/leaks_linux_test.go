package subject

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Of what ls lists the sockets and the kernel's own objects are found, in their order,
// whatever the other files are called.
func FuzzLeaks(f *testing.F) {
	f.Add("/dev/null|socket:[12345]|pipe:[7]|anon_inode:[eventpoll]")
	f.Add("/tmp/socket:[1]|socket|xsocket:[2]|anon_inode:[eventfd] -> socket:[3]|/a -> socket:[4]||")
	f.Fuzz(func(t *testing.T, links string) {
		if strings.ContainsAny(links, "\n\r") {
			return // ls writes these in another way
		}
		list := "total 0\n"
		var want []string
		for i, link := range strings.Split(links, "|") {
			link = strings.TrimSpace(link)
			list += fmt.Sprintf("lrwx------ 1 root root 64 Nov 29 01:19 %d -> %s\n", i, link)
			if kind, _, _ := strings.Cut(link, ":"); (kind == "socket" || kind == "anon_inode") && kind != link {
				want = append(want, link)
			}
		}
		if got := leaks(list); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", list, got, want)
		}
	})
}
