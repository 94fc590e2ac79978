// The floor in C: one thread, one epoll instance, no state per connection.
// Built by the cost measurement with "cc -O2" where a compiler is found.
//
//	floor level|edge
//
// It listens on a free port of 127.0.0.1, prints it as one JSON line and echoes
// until it is killed.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 128, BUFFER = 64 << 10 };

static void fail(const char *call) {
	perror(call);
	exit(1);
}

static int listen_anywhere(void) {
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof addr;
	if (fd < 0) fail("socket");
	if (bind(fd, (struct sockaddr *)&addr, size) < 0) fail("bind");
	if (listen(fd, 4096) < 0) fail("listen");
	if (getsockname(fd, (struct sockaddr *)&addr, &size) < 0) fail("getsockname");
	printf("{\"addr\":\"127.0.0.1:%d\"}\n", ntohs(addr.sin_port));
	fflush(stdout);
	return fd;
}

static void add(int ep, int fd, unsigned mask) {
	struct epoll_event ev = {.events = mask, .data.fd = fd};
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0) fail("epoll_ctl");
}

static void accept_all(int ep, int listener, unsigned mask) {
	for (;;) {
		int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && errno == EAGAIN) return;
		if (fd < 0) fail("accept4");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		add(ep, fd, mask);
	}
}

// send_all sends what is left of a reply; when the socket takes no more it
// waits for it with the whole loop.
static void send_all(int fd, const char *p, ssize_t left) {
	for (;;) {
		ssize_t n = send(fd, p, left, MSG_NOSIGNAL);
		if (n == left) return;
		if (n < 0 && errno != EAGAIN) return;
		if (n > 0) p += n, left -= n;
		struct pollfd pfd = {.fd = fd, .events = POLLOUT};
		poll(&pfd, 1, -1);
	}
}

int main(int argc, char **argv) {
	static struct epoll_event events[BATCH];
	static char buf[BUFFER];
	if (argc != 2) {
		fputs("usage: floor level|edge\n", stderr);
		return 2;
	}
	unsigned mask = EPOLLIN | (strcmp(argv[1], "edge") ? 0 : EPOLLET | EPOLLRDHUP);
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	int ep = epoll_create1(EPOLL_CLOEXEC), listener = listen_anywhere();
	if (ep < 0) fail("epoll_create1");
	add(ep, listener, EPOLLIN);
	for (;;) {
		int n = epoll_wait(ep, events, BATCH, -1);
		if (n < 0 && errno != EINTR) fail("epoll_wait");
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			if (fd == listener) {
				accept_all(ep, listener, mask);
				continue;
			}
			// A full buffer may leave bytes behind, and the last bytes the end of the
			// stream, for which an edge comes only once.
			int end = (events[i].events & EPOLLRDHUP) != 0;
			for (ssize_t got = BUFFER; got == BUFFER || (got > 0 && end);) {
				got = recv(fd, buf, BUFFER, 0);
				if (got > 0) send_all(fd, buf, got);
				else if (got == 0 || errno != EAGAIN) close(fd);
			}
		}
	}
}
