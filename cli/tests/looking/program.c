// Threads that wait in every way, and say whether one was woken for nothing. With an argument, a thread
// that is not the first also replaces the program over and over.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int interrupted;
static const struct timespec SHORT = {0, 30000000};

static void count(const char *what, int failed) {
    if (failed && errno == EINTR) {
        fprintf(stderr, "%s was interrupted\n", what);
        __atomic_add_fetch(&interrupted, 1, __ATOMIC_SEQ_CST);
    }
}

static void *in_epoll(void *_) {
    struct epoll_event event;
    for (int epoll = epoll_create1(EPOLL_CLOEXEC);;) count("epoll_wait", epoll_wait(epoll, &event, 1, 30) < 0);
}
static void *in_poll(void *_) {
    for (;;) count("poll", poll(NULL, 0, 30) < 0);
}
static void *in_sleep(void *_) {
    for (;;) count("nanosleep", nanosleep(&SHORT, NULL) < 0);
}
static void *in_receive(void *_) {
    int pair[2];
    char byte;
    struct timeval limit = {0, 30000};
    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair);
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    for (;;) count("recv", recv(pair[0], &byte, 1, 0) < 0);
}
static void *in_semop(void *_) {
    int id = semget(IPC_PRIVATE, 1, 0600);
    struct sembuf take = {0, -1, 0};
    for (;;) count("semtimedop", semtimedop(id, &take, 1, &SHORT) < 0);
}
static void *in_message(void *_) {
    struct { long type; char text[8]; } message;
    int id = msgget(IPC_PRIVATE, 0600);
    for (;;) count("msgrcv", msgrcv(id, &message, 8, 0, 0) < 0);
}
static void *in_signal(void *_) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    for (;;) count("sigtimedwait", sigtimedwait(&set, NULL, &SHORT) < 0);
}
static void *in_semaphore(void *_) {
    static sem_t semaphore;
    for (;;) {
        struct timespec end;
        clock_gettime(CLOCK_REALTIME, &end);
        end.tv_sec += 1;
        count("sem_timedwait", sem_timedwait(&semaphore, &end) < 0);
    }
}
static void *in_child(void *_) {
    for (;;) {
        pid_t child = vfork();
        if (child == 0) execl("/bin/sleep", "sleep", "0.02", NULL), _exit(1);
        count("waitpid", waitpid(child, NULL, 0) < 0);
    }
}
static void *replaces(void *self) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    usleep(4000 + now.tv_nsec / 1000 % 40 * 1000);
    printf("replaced %d\n", interrupted), fflush(stdout);
    execl("/proc/self/exe", self, "again", NULL);
    return NULL;
}

int main(int argc, char **argv) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    // A page that nobody can read (MADV_GUARD_INSTALL), next to one that was written.
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pages[0] = pages[4096] = 1;
    madvise(pages, 4096, 102);
    void *(*ways[])(void *) = {in_epoll, in_poll, in_sleep, in_receive, in_semop, in_signal, in_semaphore, in_message, in_child};
    pthread_t thread;
    // The replaced program leaves its System V queues behind.
    for (int way = 0; way < (argc > 1 ? 4 : 9); way++) pthread_create(&thread, NULL, ways[way], NULL);
    if (argc > 1) pthread_create(&thread, NULL, replaces, argv[0]);
    // Each takes time to be stopped, and to end.
    for (int more = 0; argc > 1 && more < 60; more++) pthread_create(&thread, NULL, in_sleep, NULL);
    for (int beat = 0;; beat++) {
        if (argc < 2) printf("beat %d %d\n", beat, interrupted), fflush(stdout);
        nanosleep(&SHORT, NULL);
    }
}
