// A library to preload (LD_PRELOAD) into the server: system calls fail as the kernel may let them fail at any time, and
// writes take a single byte. Deterministic: call number N of a kind fails or not, whatever happened meanwhile.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static atomic_uint calls, failures;
/// SwiftPM links this into the test program as well, where nothing may fail: it acts only where it was preloaded.
static bool isActive;

__attribute__((constructor)) static void activate(void) {
  const char *preloaded = getenv("LD_PRELOAD");
  // Where something waits, nothing fails.
  bool waits = getenv("NO_ACCOUNTS_WHILE") || getenv("NO_ACCEPTING_WHILE");
  isActive = preloaded && strstr(preloaded, "FailingCalls") && !waits;
}

/// The next of a fixed sequence of numbers that look random (Steele, Lea and Flood, 2014: SplitMix64).
static unsigned draw(void) {
  unsigned long long z = (atomic_fetch_add(&calls, 1) + 1) * 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return (unsigned)(z >> 33);
}

static int fail(int code) {
  atomic_fetch_add(&failures, 1);
  errno = code;
  return -1;
}

#define REAL(name) \
  static _Atomic(__typeof__(&name)) real; \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/// Waits as for a directory in the network that does not answer, as long as the file is there that NO_ACCOUNTS_WHILE names.
static void await_accounts(void) {
  const char *path = getenv("NO_ACCOUNTS_WHILE");
  while (path && access(path, F_OK) == 0) usleep(1000);
}

int getpwuid_r(uid_t user, struct passwd *entry, char *bytes, size_t count, struct passwd **found) {
  REAL(getpwuid_r);
  await_accounts();
  return real(user, entry, bytes, count, found);
}

int getpwnam_r(const char *name, struct passwd *entry, char *bytes, size_t count, struct passwd **found) {
  REAL(getpwnam_r);
  await_accounts();
  return real(name, entry, bytes, count, found);
}

/// Whether the kernel is short of memory for sending: as long as the file is there that NO_MEMORY_WHILE names.
static bool isShort(void) {
  const char *path = getenv("NO_MEMORY_WHILE");
  return isActive && path && access(path, F_OK) == 0;
}

ssize_t send(int descriptor, const void *bytes, size_t count, int flags) {
  REAL(send);
  if (isShort()) return fail(ENOBUFS);
  if (!isActive) return real(descriptor, bytes, count, flags);
  switch (draw() % 16) {
    case 0: return fail(EINTR);
    case 1: return fail(ENOBUFS);
    case 2: return fail(ENOMEM);
    case 3: return fail(EAGAIN);
    case 4: case 5: return real(descriptor, bytes, count ? 1 : 0, flags);
    default: return real(descriptor, bytes, count, flags);
  }
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
  REAL(sendmsg);
  if (isShort()) return fail(ENOBUFS);
  if (!isActive) return real(descriptor, message, flags);
  switch (draw() % 16) {
    case 0: return fail(EINTR);
    case 1: return fail(ENOBUFS);
    case 2: return fail(ENOMEM);
    case 4: case 5: return send(descriptor, message->msg_iov[0].iov_base, 1, flags);
    default: return real(descriptor, message, flags);
  }
}

ssize_t recv(int descriptor, void *bytes, size_t count, int flags) {
  REAL(recv);
  if (!isActive) return real(descriptor, bytes, count, flags);
  switch (draw() % 16) {
    case 0: return fail(EINTR);
    case 1: return fail(ENOMEM);
    case 2: case 3: return real(descriptor, bytes, 1, flags);
    default: return real(descriptor, bytes, count, flags);
  }
}

/// Whether this is a file on a disk that takes half of what it is given, after a while: with SLOW_DISK in the environment, and
/// not for standard streams.
static bool isSlow(int descriptor) {
  struct stat file;
  return isActive && descriptor > STDERR_FILENO && getenv("SLOW_DISK") && fstat(descriptor, &file) == 0 &&
         S_ISREG(file.st_mode);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
  REAL(write);
  if (isSlow(descriptor)) {
    usleep(2000);
    return real(descriptor, bytes, (count + 1) / 2);
  }
  // The log only: libdispatch also writes, to wake its threads, and expects no error.
  if (!isActive || descriptor > STDERR_FILENO) return real(descriptor, bytes, count);
  switch (draw() % 64) {
    case 0: return fail(EINTR);
    case 1: return real(descriptor, bytes, count ? 1 : 0);
    default: return real(descriptor, bytes, count);
  }
}

/// Keeps the one who accepts as long as the file is there that NO_ACCEPTING_WHILE names. It is called something else then.
static void await_accepting(void) {
  const char *path = getenv("NO_ACCEPTING_WHILE");
  if (!path || access(path, F_OK) != 0) return;
  char begun[4096];
  snprintf(begun, sizeof begun, "%s.begun", path);
  if (rename(path, begun) != 0) return;
  while (access(begun, F_OK) == 0) usleep(1000);
}

int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags) {
  REAL(accept4);
  await_accepting();
  if (!isActive) return real(descriptor, address, length, flags);
  switch (draw() % 16) {
    case 0: return fail(EINTR);
    case 1: return fail(ECONNABORTED);
    case 2: return fail(EMFILE);
    case 3: return fail(ENOMEM);
    case 4: return fail(ENOBUFS);
    default: return real(descriptor, address, length, flags);
  }
}

/// A name server that does not answer, for the host `slow`; standard error tells when it is asked.
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  REAL(getaddrinfo);
  if (!isActive || !host || strcmp(host, "slow")) return real(host, service, hints, found);
  dprintf(STDERR_FILENO, "asking for slow\n");
  for (;;) pause();
}

/// With SLOW_UNLINK in the environment, processes that remove a file at the same time do so one after the other.
int unlink(const char *path) {
  REAL(unlink);
  if (isActive && getenv("SLOW_UNLINK")) usleep(getpid() % 8 * 20000);
  return real(path);
}

/// Somebody who may write to a socket's directory puts a link to the file that REPLACE_SOCKET_BY names in the socket's place
/// as soon as it is there.
int bind(int descriptor, const struct sockaddr *address, socklen_t length) {
  REAL(bind);
  int result = real(descriptor, address, length);
  const char *target = getenv("REPLACE_SOCKET_BY");
  if (!isActive || result || !target || address->sa_family != AF_UNIX) return result;
  const char *path = ((const struct sockaddr_un *)address)->sun_path;
  if (unlink(path) || symlink(target, path)) abort();
  return 0;
}

/// libdispatch has a set of its own, and takes no error for an answer. Connections are in the server's set only.
static bool isConnection(int descriptor) {
  int listens;
  socklen_t length = sizeof listens;
  return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && !listens;
}

int epoll_ctl(int set, int operation, int descriptor, struct epoll_event *event) {
  REAL(epoll_ctl);
  if (!isActive || !isConnection(descriptor)) return real(set, operation, descriptor, event);
  switch (draw() % 8) {
    case 0: return fail(ENOMEM);
    default: return real(set, operation, descriptor, event);
  }
}

int epoll_wait(int descriptor, struct epoll_event *events, int most, int milliseconds) {
  REAL(epoll_wait);
  if (!isActive) return real(descriptor, events, most, milliseconds);
  if (draw() % 16 == 0) return fail(EINTR);
  return real(descriptor, events, most, milliseconds);
}

__attribute__((destructor)) static void report(void) {
  if (isActive) fprintf(stderr, "%u calls failed\n", atomic_load(&failures));
}
