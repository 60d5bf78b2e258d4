// Linux's readiness calls, which Swift's Glibc module does not export.
#pragma once
#ifdef __linux__
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/epoll.h>
#include <sys/socket.h>

// Glibc declares accept4 only under _GNU_SOURCE, which may come too late in a module build.
extern int accept4(int, struct sockaddr *__restrict, socklen_t *__restrict, int);
#endif
