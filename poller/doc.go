// Package poller tells which descriptors can make progress, with epoll on Linux
// and kqueue on macOS and the BSDs.
package poller
