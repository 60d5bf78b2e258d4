// Linux's readiness calls, which Swift's Glibc module does not export, and what it exports in a form that Swift 6 refuses.
#pragma once
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>

// As epoll_wait, but the time to wait is exact. Kernels before 5.11 do not have it.
extern int epoll_pwait2(
    int set, struct epoll_event *events, int count, const struct timespec *wait, const sigset_t *signals);

// Glibc's header declares it only under _GNU_SOURCE, which Swift's own modules are built without.
extern int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);

/// The environment of this process, for a program that it starts: environ(7), a variable that any thread could change.
static inline char *const *linux_environment(void) {
  extern char **environ;
  return environ;
}

// As accept4.
extern int memfd_create(const char *name, unsigned int flags);
#define LINUX_MFD_CLOEXEC 1U

// These are members of an enumeration and macros at once, which Swift imports as neither.
#define LINUX_SFD_CLOEXEC 02000000
#define LINUX_SFD_NONBLOCK 00004000
