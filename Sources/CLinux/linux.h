// Linux's readiness calls, which Swift's Glibc module does not export.
#pragma once
#include <sys/epoll.h>
#include <sys/socket.h>

// Glibc's header declares it only under _GNU_SOURCE, which Swift's own modules are built without.
extern int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);
