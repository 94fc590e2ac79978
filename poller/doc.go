// Package poller tells which descriptors can make progress: it is epoll on Linux
// and kqueue on macOS and the BSDs behind six verbs, with the same meaning on
// all of them. It reads and writes nothing and has no policy.
//
// # Waiting for readiness
//
// Register a nonblocking descriptor with what you want to do and a token to
// know it by, then wait:
//
//	p, err := poller.New()
//	...
//	err = p.Add(fd, poller.Read|poller.Write, 42)
//	...
//	events := make([]poller.Event, 128)
//	for {
//		n, err := p.Wait(events, -1)
//		if err != nil {
//			return err
//		}
//		for _, ev := range events[:n] {
//			if ev.Readable() {
//				// read fd of ev.Token until EAGAIN
//			}
//			if ev.Writable() {
//				// write what is left until EAGAIN
//			}
//		}
//	}
//
// An event says "try now". Hang-ups and errors set Readable or Writable too,
// because the read or write that follows returns what happened; data that came
// before the end must still be read, so no event means "close now".
//
// # Level, edge and one-shot
//
// Without a mode a descriptor is reported by every Wait while it is ready: read
// as much as you like, and take an interest back with Modify when you do not
// want to act on it, or Wait returns at once each time. With [Edge] it is
// reported when readiness arises: read or write until EAGAIN, or remember that
// you did not, since nothing repeats the event. With [OneShot] it is reported
// once and then silent, whatever happens, until Modify arms it again.
//
// # Waking
//
// Wait blocks a goroutine together with its thread. [Poller.Wake] ends it from
// any other goroutine: put work into a queue, call Wake; after each Wait, look
// into the queue.
//
// # Descriptors
//
// Descriptors stay the caller's. Delete one before you close it. Closing alone
// is enough only if it was never duplicated, by dup, by fork or by passing it to
// another process: the kernel of Linux registers what the descriptor refers to,
// and reports it, with the old token and beyond anybody's reach, until the last
// duplicate is closed. Events that were taken before a Delete may come after it:
// tokens should tell one use of a number from the next.
//
// # Differences that remain
//
// A regular file is always ready: epoll refuses it with EPERM, kqueue takes it.
// kqueue refuses the write end of a pipe whose reader is gone with EPIPE, epoll
// takes it and reports Failed. kqueue reports the directions of a descriptor one
// by one, and what does not fit into one Wait comes with the next. The closed
// and failed bits differ as said at [Ready], and Priority as said there.
//
// On other systems New fails with errors.ErrUnsupported.
package poller
