/* Ways in C, linked statically and dynamically: ways tcp|udp|thread|vfork|resolve WORD ADDRESS PORT */
#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *word, *address;
static int port;

static int deliver(int type) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &to.sin_addr);
    int fd = syscall(SYS_socket, AF_INET, type, 0);
    if (fd < 0 || syscall(SYS_connect, fd, &to, sizeof to) != 0) { perror("connect"); return 1; }
    return syscall(SYS_sendto, fd, word, strlen(word), MSG_NOSIGNAL, NULL, 0) < 0;
}

static void *in_thread(void *unused) { (void)unused; deliver(SOCK_STREAM); return NULL; }

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    word = argv[2]; address = argv[3]; port = atoi(argv[4]);
    if (!strcmp(argv[1], "tcp")) return deliver(SOCK_STREAM);
    if (!strcmp(argv[1], "udp")) return deliver(SOCK_DGRAM);
    if (!strcmp(argv[1], "thread")) {
        pthread_t one;
        pthread_create(&one, NULL, in_thread, NULL);
        return pthread_join(one, NULL);
    }
    if (!strcmp(argv[1], "vfork")) {
        char *again[] = {argv[0], "udp", argv[2], argv[3], argv[4], NULL};
        pid_t pid = vfork();
        if (pid == 0) { execv("/proc/self/exe", again); _exit(1); }
        return waitpid(pid, NULL, 0) != pid;
    }
#ifdef NAMES
    if (!strcmp(argv[1], "resolve")) {
        char name[128];
        struct addrinfo *found;
        snprintf(name, sizeof name, "%s.example.com", word);
        getaddrinfo(name, "443", NULL, &found);
        return 0;
    }
#endif
    return 2;
}
