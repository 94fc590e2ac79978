package sim

// kqueue, as kqueue(2) describes it.

import (
	"fmt"
	"strings"
	"testing"
)

// notes waits once and names what is reported.
func notes(t *testing.T, k *Kernel, kq int) string {
	t.Helper()
	events := make([]Kevent, 8)
	n, e := k.Kevent(kq, nil, events)
	done(t, e)
	s := ""
	for _, ev := range events[:n] {
		s += fmt.Sprintf("%d:%s", ev.Data, map[int]string{FilterRead: "read", FilterWrite: "write", FilterUser: "user"}[ev.Filter])
		if ev.Flags&NoteEOF != 0 {
			s += "-eof"
		}
		if ev.Fflags != 0 {
			s += fmt.Sprintf("-%d", ev.Fflags)
		}
		s += " "
	}
	return s
}

func reports(t *testing.T, k *Kernel, kq int, wanted string) {
	t.Helper()
	if s := notes(t, k, kq); s != wanted {
		t.Fatalf("got %q, want %q", s, wanted)
	}
}

func change(k *Kernel, kq, fd, filter, flags int, data uint32) Errno {
	_, e := k.Kevent(kq, []Kevent{{Ident: fd, Filter: filter, Flags: flags, Data: data}}, nil)
	return e
}

func newNotes(t *testing.T) (k *Kernel, kq, a, b int) {
	t.Helper()
	k = New(1, Options{Immediate: true})
	kq = got[int](t)(k.Kqueue())
	a, b = connection(t, k)
	return k, kq, a, b
}

func TestLevelNotesLastAsLongAsTheyAreTrue(t *testing.T) {
	k, kq, a, b := newNotes(t)
	done(t, change(k, kq, a, FilterRead, NoteAdd, 1))
	reports(t, k, kq, "")
	got[int](t)(send(k, b, []byte("x")))
	reports(t, k, kq, "1:read ")
	reports(t, k, kq, "1:read ")
	recv(k, a)
	reports(t, k, kq, "")
}

func TestClearedNotesComeOncePerChange(t *testing.T) {
	k, kq, a, b := newNotes(t)
	done(t, change(k, kq, a, FilterRead, NoteAdd|NoteClear, 1))
	done(t, change(k, kq, a, FilterWrite, NoteAdd|NoteClear, 1))
	reports(t, k, kq, "1:write ")
	got[int](t)(send(k, b, []byte("x")))
	got[int](t)(send(k, b, []byte("y")))
	reports(t, k, kq, "1:read ")
	reports(t, k, kq, "")
	got[int](t)(send(k, b, []byte("z")))
	reports(t, k, kq, "1:read ")
	done(t, change(k, kq, a, FilterRead, NoteAdd|NoteClear, 2))
	reports(t, k, kq, "") // adding again is no new look
	done(t, change(k, kq, a, FilterRead, NoteDelete, 0))
	done(t, change(k, kq, a, FilterRead, NoteAdd|NoteClear, 3))
	reports(t, k, kq, "3:read ")
}

func TestOneShotAndDispatch(t *testing.T) {
	k, kq, a, _ := newNotes(t)
	done(t, change(k, kq, a, FilterWrite, NoteAdd|NoteOneShot, 1))
	reports(t, k, kq, "1:write ")
	reports(t, k, kq, "")
	want(t, "delete", change(k, kq, a, FilterWrite, NoteDelete, 0), ENOENT)
	done(t, change(k, kq, a, FilterWrite, NoteAdd|NoteDispatch, 2))
	reports(t, k, kq, "2:write ")
	reports(t, k, kq, "")
	done(t, change(k, kq, a, FilterWrite, NoteEnable, 3))
	reports(t, k, kq, "3:write ")
	done(t, change(k, kq, a, FilterWrite, NoteEnable, 4))
	done(t, change(k, kq, a, FilterWrite, NoteDisable, 4))
	reports(t, k, kq, "")
}

// Each filter tells of the end of its own direction, with the socket's error.
func TestNotesTellTheEnd(t *testing.T) {
	k, kq, a, b := newNotes(t)
	done(t, change(k, kq, a, FilterRead, NoteAdd, 1))
	done(t, change(k, kq, a, FilterWrite, NoteAdd|NoteClear, 1))
	reports(t, k, kq, "1:write ")
	got[int](t)(send(k, b, []byte("last words")))
	done(t, k.Shutdown(b, ShutWrite))
	reports(t, k, kq, "1:read-eof 1:write ")
	recv(k, a)
	reports(t, k, kq, "1:read-eof ")
	done(t, k.Shutdown(a, ShutWrite))
	reports(t, k, kq, "1:read-eof 1:write-eof ")

	c, d := connection(t, k)
	other := got[int](t)(k.Kqueue())
	done(t, change(k, other, c, FilterRead, NoteAdd|NoteClear, 2))
	done(t, change(k, other, c, FilterWrite, NoteAdd|NoteClear, 2))
	done(t, k.SetLinger(d, true, 0))
	done(t, k.Close(d))
	reports(t, k, other, "2:write-eof-104 2:read-eof-104 ")
}

func TestUserNote(t *testing.T) {
	k := New(1, Options{})
	kq := got[int](t)(k.Kqueue())
	trigger := func() Errno {
		_, e := k.Kevent(kq, []Kevent{{Filter: FilterUser, Fflags: NoteTrigger, Data: 7}}, nil)
		return e
	}
	want(t, "trigger", trigger(), ENOENT)
	done(t, change(k, kq, 0, FilterUser, NoteAdd|NoteClear, 7))
	reports(t, k, kq, "")
	done(t, trigger())
	done(t, trigger())
	reports(t, k, kq, "7:user ")
	reports(t, k, kq, "")
	done(t, trigger())
	reports(t, k, kq, "7:user ")
	done(t, change(k, kq, 0, FilterUser, NoteDisable, 7))
	done(t, change(k, kq, 0, FilterUser, NoteEnable, 7))
	reports(t, k, kq, "") // it was cleared
}

func TestNotesGoWithTheirDescriptor(t *testing.T) {
	k, kq, a, _ := newNotes(t)
	dup := got[int](t)(k.Dup(a))
	done(t, change(k, kq, a, FilterWrite, NoteAdd, 1))
	done(t, change(k, kq, dup, FilterWrite, NoteAdd, 2))
	done(t, k.Close(a))
	reports(t, k, kq, "2:write ")
	want(t, "delete", change(k, kq, a, FilterWrite, NoteDelete, 0), EBADF)
	again := got[int](t)(k.Eventfd())
	if again != a {
		t.Fatal(again)
	}
	want(t, "delete", change(k, kq, a, FilterWrite, NoteDelete, 0), ENOENT)
	want(t, "filter", change(k, kq, a, -99, NoteAdd, 0), EINVAL)
	done(t, k.Close(dup))
	reports(t, k, kq, "")
}

func TestMoreNotesThanRoom(t *testing.T) {
	k := New(1, Options{})
	kq := got[int](t)(k.Kqueue())
	for i := range 5 {
		done(t, change(k, kq, got[int](t)(k.Eventfd()), FilterWrite, NoteAdd, uint32(i)))
	}
	seen := map[uint32]int{}
	for range 5 {
		events := make([]Kevent, 2)
		n, _ := k.Kevent(kq, nil, events)
		for _, ev := range events[:n] {
			seen[ev.Data]++
		}
	}
	for i := range uint32(5) {
		if seen[i] != 2 {
			t.Fatalf("unfair: %v", seen)
		}
	}
}

// list is a list of changes to the write filters of some descriptors.
func list(flags int, fds ...int) (changes []Kevent) {
	for i, fd := range fds {
		changes = append(changes, Kevent{Ident: fd, Filter: FilterWrite, Flags: flags, Data: uint32(i + 1)})
	}
	return changes
}

// told says what became of changes, by descriptor.
func told(events []Kevent) string {
	s := ""
	for _, ev := range events {
		if ev.Flags != NoteError {
			s += "no error: "
		}
		s += fmt.Sprintf("%d:%v ", ev.Ident, int(ev.Errno))
	}
	return s
}

// kqueue(2) on lists, clause by clause. Descriptor 99 is not open.
func TestListsOfChanges(t *testing.T) {
	const closed = 99
	for _, tc := range []struct {
		name    string
		flags   int
		fds     func(a, b int) []int
		room    int
		told    string // %a and %b are the open ones
		errno   Errno
		reports string // of the next wait
	}{
		{"all succeed", NoteAdd, func(a, b int) []int { return []int{a, b} }, 0, "", 0, "1:write 2:write "},
		{"one fails, and what follows is made", NoteAdd, func(a, b int) []int { return []int{a, closed, b} }, 3, "99:9 ", 0, "1:write 3:write "},
		{"two fail, in order", NoteAdd, func(a, _ int) []int { return []int{closed, a, closed} }, 3, "99:9 99:9 ", 0, "2:write "},
		{"one fails without room, and what follows is not made", NoteAdd, func(a, b int) []int { return []int{a, closed, b} }, 0, "", EBADF, "1:write "},
		{"the second that fails finds no room", NoteAdd, func(a, b int) []int { return []int{closed, a, closed, b} }, 1, "", EBADF, "2:write "},
		{"receipts", NoteAdd | NoteReceipt, func(a, b int) []int { return []int{a, closed, b} }, 3, "%a:0 99:9 %b:0 ", 0, "1:write 3:write "},
		{"a receipt without room ends the list after its change", NoteAdd | NoteReceipt, func(a, b int) []int { return []int{a, b} }, 0, "", 0, "1:write "},
		{"nothing is there to delete", NoteDelete | NoteReceipt, func(a, b int) []int { return []int{a, b} }, 2, "%a:2 %b:2 ", 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k, kq, a, b := newNotes(t)
			events := make([]Kevent, tc.room)
			n, e := k.Kevent(kq, list(tc.flags, tc.fds(a, b)...), events)
			names := strings.NewReplacer("%a", fmt.Sprint(a), "%b", fmt.Sprint(b))
			if got := told(events[:n]); got != names.Replace(tc.told) || e != tc.errno {
				t.Errorf("got %q, %v; want %q, %v", got, e, tc.told, tc.errno)
			}
			reports(t, k, kq, tc.reports)
		})
	}
}

// Results are no events: what is true is not taken by a call that gives results, and
// comes with one that does not.
func TestResultsComeInsteadOfEvents(t *testing.T) {
	k, kq, a, b := newNotes(t)
	done(t, change(k, kq, a, FilterWrite, NoteAdd|NoteClear, 7))
	both := list(NoteAdd|NoteReceipt, b) // one list for changes and results
	both = append(both, Kevent{Ident: 5, Filter: 5})
	if n, e := k.Kevent(kq, both[:1], both); n != 1 || e != 0 || told(both[:1]) != fmt.Sprintf("%d:0 ", b) {
		t.Fatal(n, e, both)
	}
	events := make([]Kevent, 4)
	n, e := k.Kevent(kq, list(NoteDelete, b), events)
	if n != 1 || e != 0 || events[0].Data != 7 {
		t.Fatal(n, e, events)
	}
	want(t, "of no queue", change(k, a, b, FilterWrite, NoteAdd, 0), EBADF)
}

// A change that the kernel is to refuse fails as it says, in its place.
func TestRefusedChange(t *testing.T) {
	k, kq, a, b := newNotes(t)
	changes := list(NoteAdd|NoteReceipt, a, b)
	changes[0].Errno = EDEADLK
	n, e := k.Kevent(kq, changes, changes)
	if got := told(changes[:n]); e != 0 || got != fmt.Sprintf("%d:%d %d:0 ", a, int(EDEADLK), b) {
		t.Fatal(got, e)
	}
	reports(t, k, kq, "2:write ")
}
