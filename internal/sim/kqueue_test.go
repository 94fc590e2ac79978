package sim

// kqueue, as kqueue(2) describes it.

import (
	"fmt"
	"testing"
)

// notes waits once and names what is reported.
func notes(t *testing.T, k *Kernel, kq int) string {
	t.Helper()
	events := make([]Kevent, 8)
	n, e := k.KeventWait(kq, events)
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
	return k.Change(kq, Kevent{Ident: fd, Filter: filter, Flags: flags, Data: data})
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
	trigger := func() {
		t.Helper()
		done(t, k.Change(kq, Kevent{Filter: FilterUser, Fflags: NoteTrigger, Data: 7}))
	}
	want(t, "trigger", k.Change(kq, Kevent{Filter: FilterUser, Fflags: NoteTrigger}), ENOENT)
	done(t, change(k, kq, 0, FilterUser, NoteAdd|NoteClear, 7))
	reports(t, k, kq, "")
	trigger()
	trigger()
	reports(t, k, kq, "7:user ")
	reports(t, k, kq, "")
	trigger()
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
		n, _ := k.KeventWait(kq, events)
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
