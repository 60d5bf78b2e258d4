// Linux's readiness calls, which Swift's Glibc module does not export.
#pragma once
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

// As epoll_wait, but the time to wait is exact. Kernels before 5.11 do not have it.
extern int epoll_pwait2(
    int set, struct epoll_event *events, int count, const struct timespec *wait, const sigset_t *signals);

// Glibc's header declares it only under _GNU_SOURCE, which Swift's own modules are built without.
extern int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);

// As accept4.
extern int memfd_create(const char *name, unsigned int flags);
#define MYCHAT_MFD_CLOEXEC 1U

// Swift takes the variable itself for state that threads share.
extern char **environ;
static inline char **mychat_environment(void) { return environ; }
