// Threads that wait in every way, and say whether one was woken for nothing. With an argument: `again`, a
// thread that is not the first also replaces the program over and over; `tw` and `tr`, one transfers more
// than fits; `signals`, the program gets signals that nobody takes all the time.
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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// What is looked for: memory that stands for a patch, and the loader's record of it.
__attribute__((constructor)) static void patch(void) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    mmap((void *)0x123456000000, 0x4000, PROT_READ, flags, -1, 0);
    mmap((void *)0x123456010000, 0x1000, PROT_READ | PROT_WRITE, flags, -1, 0);
    // By halves: the whole in a register would be kept on the stack by who comes next.
    ((volatile int *)0x123456010000)[0] = 0x56000000, ((volatile int *)0x123456010000)[1] = 0x1234;
}

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
// A call with more than fits into the pipe or the socket: somebody else takes, or sends, a little of it
// now and then.
enum { MUCH = 1 << 20 };
static char much[MUCH];
static void whole(const char *what, long done) {
    if (done == MUCH) return;
    fprintf(stderr, "%s came back with %ld\n", what, done);
    __atomic_add_fetch(&interrupted, 1, __ATOMIC_SEQ_CST);
}
static void *drains(void *from) {
    static char bytes[4096];
    for (;;) nanosleep(&SHORT, NULL), read(*(int *)from, bytes, sizeof bytes);
}
static void *drips(void *to) {
    for (;;) nanosleep(&SHORT, NULL), send(*(int *)to, "", 1, 0);
}
static void *in_write(void *_) {
    static int ends[2];
    pthread_t other;
    if (pipe(ends) == 0) pthread_create(&other, NULL, drains, &ends[0]);
    for (;;) whole("write", write(ends[1], much, MUCH));
}
static void *in_receive_all(void *_) {
    static int pair[2];
    pthread_t other;
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
    pthread_create(&other, NULL, drips, &pair[1]);
    for (;;) whole("recv", recv(pair[0], much, MUCH, MSG_WAITALL));
}
// Signals that the kernel drops unless somebody traces: of children that end, and two that are ignored. None
// may wake a thread. glibc's fork would block them meanwhile; none is dropped then.
static void *has_children(void *_) {
    for (unsigned turn = 0;; turn++) {
        if (syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) == 0) {
            // The list of its memory is not to be that of this process's.
            mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            usleep(turn * 7919 % 9000), _exit(0);
        }
        for (usleep(700); waitpid(-1, NULL, WNOHANG) > 0;) {}
    }
}
static void *sends(void *_) {
    signal(SIGRTMIN + 3, SIG_IGN);
    for (usleep(100000);; usleep(400)) kill(getpid(), SIGURG), kill(getpid(), SIGRTMIN + 3);
}
// Between two calls it computes for some milliseconds.
static void *computes(void *_) {
    for (;;) {
        for (volatile int more = 0; more < 1000000; more++) {}
        nanosleep(&SHORT, NULL);
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
    if (argc > 1 && argv[1][0] == 't') {
        pthread_create(&thread, NULL, argv[1][1] == 'w' ? in_write : in_receive_all, NULL);
        for (int beat = 0;; beat++) printf("beat %d %d\n", beat, interrupted), fflush(stdout), nanosleep(&SHORT, NULL);
    }
    if (argc > 1 && argv[1][0] == 's') {
        void *(*ways[])(void *) = {in_epoll, in_receive, in_signal};
        for (int more = 0; more < 60; more++) {
            pthread_create(&thread, NULL, ways[more % 3], NULL);
            if (more == 20) pthread_create(&thread, NULL, has_children, NULL);
            if (more == 40) pthread_create(&thread, NULL, computes, NULL);
        }
        // This thread blocks signals while it starts another.
        pthread_create(&thread, NULL, sends, NULL);
        for (int beat = 0;; beat++) printf("beat %d %d\n", beat, interrupted), fflush(stdout), nanosleep(&SHORT, NULL);
    }
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
