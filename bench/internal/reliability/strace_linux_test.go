package reliability

import (
	"maps"
	"strings"
	"testing"
)

// Calls that failed on purpose are counted, also those whose line another thread's cut
// in two, but none on the standard descriptors and none that failed by itself.
func TestInjectedFailuresAreCounted(t *testing.T) {
	log := strings.Join([]string{
		`101  socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_IP) = -1 EMFILE (Too many open files) (INJECTED)`,
		`101  connect(7, {sa_family=AF_INET, sin_port=htons(1), sin_addr=inet_addr("127.0.0.1")}, 16 <unfinished ...>`,
		`102  write(1, "x", 1 <unfinished ...>`,
		`101  <... connect resumed>)              = -1 EAGAIN (Resource temporarily unavailable) (INJECTED)`,
		`102  <... write resumed>)                = -1 EINTR (Interrupted system call) (INJECTED)`,
		`102  write(12, "x", 1)                   = -1 EINTR (Interrupted system call) (INJECTED)`,
		`102  connect(8, {sa_family=AF_INET}, 16)  = -1 EINPROGRESS (Operation now in progress)`,
		`101  <... connect resumed>)              = -1 EAGAIN (its beginning is not in the log) (INJECTED`,
		`103  accept4(4, `,
	}, "\n")
	want := map[string]int{"socket": 1, "connect": 1, "write": 1}
	if got := countFailed(log); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func FuzzFailed(f *testing.F) {
	f.Add("101  connect(7, ", 3)
	f.Add("101  <... connect resumed>) = -1 (INJECTED)", 0)
	f.Fuzz(func(t *testing.T, noise string, count int) {
		before := countFailed(noise + "\n")["listen"]
		count &= 0xff
		whole := strings.Repeat("9  listen(5, 1) = -1 ENOMEM (no memory) (INJECTED)\n", count)
		cut := strings.Repeat("9  listen(5, 1 <unfinished ...>\n8  close(3) = 0\n9  <... listen resumed>) = -1 ENOMEM (INJECTED)\n", count)
		if got := countFailed(noise + "\n" + whole + cut)["listen"] - before; got != 2*count {
			t.Errorf("%d were counted behind %q, want %d", got, noise, 2*count)
		}
	})
}
