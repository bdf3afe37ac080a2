/* loadgen.c - single-threaded epoll load generator for long-poll chat servers.
 *
 *   loadgen -m post|chat|idle -a 127.0.0.1 -p PORT[,PORT...] -f SESSIONS [-P via|nchan|bosh|eio|faye]
 *           [-n polls] [-c senders] [-d seconds] [-w warmup seconds] [-r open-rate/s] [-R sends/s] [-x source-addresses]
 *
 * SESSIONS file: one record a line, "\r" "\n" "\t" "\\" escaped:
 *   P<request>   a poll request (record i belongs to session i)
 *   S<request>   a send request; the 19 digits after the first "@T" are overwritten with CLOCK_MONOTONIC ns
 *   O<request>   (eio) the pong request of session i
 *   D<string>    (bosh) a destination of fixed width, copied over what follows " to='" in a send
 * Every "@T<19 digits>" in a poll's answer is one delivered message; latency = now - that stamp.
 * Of several ports, connection i (the i-th poll, the i-th sender) goes to port i modulo their number.
 * With -R the sends of all senders together follow a clock instead of their answers, and a message is stamped with
 * the moment it was due: a server that falls behind is charged for the wait, which a closed loop would hide.
 * Prints one JSON line. No dependency; gcc -O2 -o loadgen loadgen.c
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { VIA, NCHAN, BOSH, ENGIO, FAYE };
enum { K_POLL, K_SEND, K_PONG };
typedef struct { char *s; uint32_t len; int ts, rid, to, ims, inm; } tmpl;
typedef struct { int fd; uint8_t kind, open; uint32_t idx; int rec; uint64_t t0; char *buf; uint32_t len, cap; } conn;
typedef struct { int status; const char *body; size_t bodylen; int close; const char *lm, *et; int lmlen, etlen; } resp;

static tmpl *P, *S, *O; static int nP, nS, nO; static char **D; static int nD, Dlen;
static int proto = VIA, ep; static struct sockaddr_in dst[16]; static int ndst, nsrc = 1;
static uint8_t *busy; static uint64_t *ridP, *ridS;
static uint64_t T0, Tw, Te; static int winddown;
static uint32_t *latP, *latD; static size_t nlP, nlD, cap = 40000000;
static uint64_t posts, delivered, polls, polls_w, perr, serr, reconn, sent_all, deliv_all, status_cnt[600];
static char scratch[1 << 20]; static uint32_t *pongq; static size_t pq_h, pq_t, pq_cap; static conn *pongc; static int npong; static uint8_t *pongidle;
static int verbose;
static double pace; static uint64_t due; static conn **spare; static int nspare;

static inline uint64_t now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }
static uint64_t rs = 88172645463325252ull;
static inline uint32_t rnd(void) { rs ^= rs << 13; rs ^= rs >> 7; rs ^= rs << 17; return rs >> 16; }
static inline void put(char *p, uint64_t v, int n) { for (int i = n - 1; i >= 0; i--) { p[i] = '0' + v % 10; v /= 10; } }

static tmpl mk(char *s) {
    tmpl t = {0}; char *o = s, *w = s;
    for (; *s; s++) { if (*s == '\\' && s[1]) { s++; *w++ = *s == 'r' ? '\r' : *s == 'n' ? '\n' : *s == 't' ? '\t' : *s; } else *w++ = *s; }
    *w = 0; t.s = o; t.len = w - o;
    char *p; t.ts = (p = strstr(o, "@T")) ? p - o + 2 : -1; t.rid = (p = strstr(o, "rid='")) ? p - o + 5 : -1;
    t.to = (p = strstr(o, " to='@D")) ? p - o + 5 : -1; t.ims = (p = strstr(o, "If-Modified-Since: ")) ? p - o + 19 : -1;
    t.inm = (p = strstr(o, "If-None-Match: ")) ? p - o + 15 : -1; return t;
}
static void load(const char *f) {
    FILE *h = fopen(f, "r"); if (!h) { perror(f); exit(1); }
    char *l = 0; size_t c = 0; ssize_t n; int cp = 0, cs = 0, co = 0, cd = 0;
    while ((n = getline(&l, &c, h)) > 0) {
        if (l[n - 1] == '\n') l[--n] = 0; char *d = strdup(l + 1);
#define ADD(A, N, C) if (N == C) A = realloc(A, (C = C ? C * 2 : 1024) * sizeof *A);
        if (l[0] == 'P') { ADD(P, nP, cp) P[nP++] = mk(d); } else if (l[0] == 'S') { ADD(S, nS, cs) S[nS++] = mk(d); }
        else if (l[0] == 'O') { ADD(O, nO, co) O[nO++] = mk(d); } else if (l[0] == 'D') { ADD(D, nD, cd) Dlen = strlen(d); D[nD++] = d; }
    }
    fclose(h);
}
static void dial(conn *c) {
    c->fd = socket(AF_INET, SOCK_STREAM, 0); if (c->fd < 0) { perror("socket"); exit(1); } int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (nsrc > 1) { setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        struct sockaddr_in a = {.sin_family = AF_INET}; a.sin_addr.s_addr = htonl(0x7f000001 + c->idx % nsrc); bind(c->fd, (void *)&a, sizeof a); }
    if (connect(c->fd, (void *)&dst[c->idx % ndst], sizeof *dst)) { perror("connect"); exit(1); }
    fcntl(c->fd, F_SETFL, O_NONBLOCK); struct epoll_event e = {.events = EPOLLIN, .data.ptr = c}; epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e); c->open = 1; c->len = 0;
}
static void redial(conn *c) { close(c->fd); reconn++; if (reconn > 200000) { fprintf(stderr, "too many reconnects\n"); exit(2); } dial(c); }
static void out(conn *c, const char *s, uint32_t n) {
    while (n) { ssize_t k = send(c->fd, s, n, MSG_NOSIGNAL); if (k > 0) { s += k; n -= k; } else if (errno == EAGAIN) usleep(50); else return; } }
static void go(conn *c) {
    uint64_t t = pace && c->kind == K_SEND ? due : now(); c->t0 = t; tmpl *m;
    if (c->kind == K_POLL) { m = &P[c->idx]; if (m->rid >= 0) put(m->s + m->rid, ridP[c->idx]++, 10); c->rec = c->idx; }
    else if (c->kind == K_PONG) { m = &O[c->rec]; }
    else {
        if (winddown) { c->rec = -1; return; }
        if (proto == BOSH) { c->rec = c->idx % nS; m = &S[c->rec]; put(m->s + m->rid, ridS[c->rec]++, 10); if (m->to >= 0) memcpy(m->s + m->to, D[rnd() % nD], Dlen); }
        else { do c->rec = rnd() % nS; while (busy[c->rec]); busy[c->rec] = 1; m = &S[c->rec]; }
        if (m->ts >= 0) put(m->s + m->ts, t, 19);
        sent_all++;
    }
    out(c, m->s, m->len);
}
/* A sender's next turn: at once in the closed loop, when the clock says so under -R. */
static void again(conn *c) { if (pace && c->kind == K_SEND) spare[nspare++] = c; else go(c); }
static void paced(uint64_t t) { for (; nspare && due <= t && !winddown; due += 1e9 / pace) go(spare[--nspare]); }
/* Wait for answers at most ms milliseconds, and under -R no longer than to the next send that a sender is free for. */
static int await(struct epoll_event *ev, int ms, int pacing) {
    if (!pace || !pacing || winddown) return epoll_wait(ep, ev, 512, ms);
    uint64_t t = now(), left = due > t ? due - t : 0; struct timespec limit = {.tv_nsec = left < 1000000 ? left : 1000000};
    return epoll_pwait2(ep, ev, 512, &limit, 0);
}
static size_t parse(char *b, size_t n, resp *r) {
    char *e = memmem(b, n, "\r\n\r\n", 4); if (!e) return 0;
    memset(r, 0, sizeof *r); r->status = atoi(b + 9); long cl = -1; int ch = 0;
    for (char *l = memchr(b, '\n', n) + 1; l < e + 2;) {
        char *x = memchr(l, '\r', e + 2 - l); if (!x) break;
        switch (*l | 32) {
        case 'c': if (!strncasecmp(l, "content-length:", 15)) cl = atol(l + 15); else if (!strncasecmp(l, "connection: close", 17)) r->close = 1; break;
        case 't': if (!strncasecmp(l, "transfer-encoding: chunked", 26)) ch = 1; break;
        case 'l': if (!strncasecmp(l, "last-modified: ", 15)) { r->lm = l + 15; r->lmlen = x - l - 15; } break;
        case 'e': if (!strncasecmp(l, "etag: ", 6)) { r->et = l + 6; r->etlen = x - l - 6; } break;
        }
        l = x + 2;
    }
    char *body = e + 4; size_t have = b + n - body; r->body = body;
    if (r->status == 204 || r->status == 304) { r->bodylen = 0; return body - b; }
    if (ch) { char *p = body; for (;;) { char *x = memmem(p, b + n - p, "\r\n", 2); if (!x) return 0; long k = strtol(p, 0, 16); p = x + 2;
            if (b + n - p < k + 2) return 0; p += k + 2; if (!k) { r->bodylen = p - body; return p - b; } } }
    if (cl < 0) cl = 0;
    if (have < (size_t)cl) return 0;
    r->bodylen = cl; return body + cl - b;
}
static void pong(uint32_t i) { pongq[pq_t++ % pq_cap] = i; for (int k = 0; k < npong; k++) if (pongidle[k]) { pongidle[k] = 0; pongc[k].rec = pongq[pq_h++ % pq_cap]; go(&pongc[k]); break; } }
static void done(conn *c, resp *r) {
    uint64_t t = now(); int in = t >= Tw && t < Te; if (r->status > 0 && r->status < 600) status_cnt[r->status]++;
    if (verbose && verbose-- > 0) fprintf(stderr, "[%d] %d %.*s\n", c->kind, r->status, (int)(r->bodylen > 300 ? 300 : r->bodylen), r->body);
    if (c->kind == K_SEND) {
        if (r->status >= 300) serr++; else if (in) { posts++; if (nlP < cap) latP[nlP++] = (t - c->t0) / 1000; }
        if (proto != BOSH) busy[c->rec] = 0;
    } else if (c->kind == K_POLL) {
        polls++; if (in) polls_w++;
        if (r->status >= 400 && !(proto == NCHAN && r->status == 408)) perr++;
        const char *p = r->body, *e = r->body + r->bodylen;
        while (p + 21 <= e && (p = memmem(p, e - p, "@T", 2))) { uint64_t v = strtoull(p + 2, 0, 10); p += 2;
            if (v >= T0) { deliv_all++; if (in) { delivered++; if (nlD < cap) latD[nlD++] = (t - v) / 1000; } } }
        if (proto == NCHAN && r->lm) { tmpl *m = &P[c->idx]; if (r->lmlen == 29) memcpy(m->s + m->ims, r->lm, 29); memset(m->s + m->inm, ' ', 10); if (r->etlen <= 10) memcpy(m->s + m->inm, r->et, r->etlen); }
        if (proto == ENGIO && nO) { if (r->bodylen && (r->body[0] == '2' || memmem(r->body, r->bodylen, "\x1e""2", 2))) pong(c->idx); }
    } else { if (pq_h < pq_t) { c->rec = pongq[pq_h++ % pq_cap]; if (r->close) redial(c); go(c); return; } pongidle[c - pongc] = 1; return; }
    if (r->close) redial(c);
    again(c);
}
static void rd(conn *c) {
    char *b; size_t n;
    if (!c->len) { ssize_t k = recv(c->fd, scratch, sizeof scratch - 1, 0); if (k <= 0) { if (k < 0 && errno == EAGAIN) return; goto dead; } b = scratch; n = k; }
    else { if (c->cap - c->len < 65536) c->buf = realloc(c->buf, c->cap = c->cap * 2 + 65536); ssize_t k = recv(c->fd, c->buf + c->len, c->cap - c->len - 1, 0);
        if (k <= 0) { if (k < 0 && errno == EAGAIN) return; goto dead; } c->len += k; b = c->buf; n = c->len; }
    b[n] = 0; resp r; size_t u = parse(b, n, &r);
    if (!u) { if (b == scratch) { if (c->cap < n + 65536) c->buf = realloc(c->buf, c->cap = n + 65536); memcpy(c->buf, scratch, n); c->len = n; } return; }
    c->len = 0; done(c, &r); return;
dead:
    if (winddown && c->kind == K_SEND) { epoll_ctl(ep, EPOLL_CTL_DEL, c->fd, 0); return; }
    if (c->kind == K_SEND) { serr++; if (proto != BOSH && c->rec >= 0) busy[c->rec] = 0; }
    redial(c); again(c);
}
static int cmp(const void *a, const void *b) { uint32_t x = *(uint32_t *)a, y = *(uint32_t *)b; return x < y ? -1 : x > y; }
static double q(uint32_t *a, size_t n, double f) { return n ? a[(size_t)(f * (n - 1))] / 1000.0 : 0; }
int main(int ac, char **av) {
    const char *mode = "post", *f = 0, *addr = "127.0.0.1", *pr = "via"; int n = 0, c = 64; double d = 4, w = 1, rate = 1e9; int o;
    while ((o = getopt(ac, av, "m:a:p:f:P:n:c:d:w:r:R:x:v:")) > 0) switch (o) {
        case 'm': mode = optarg; break; case 'a': addr = optarg; break; case 'p': for (char *x = optarg; *x && ndst < 16; x += *x == ',') { char *s = x; dst[ndst++].sin_port = htons(strtol(s, &x, 10)); if (x == s) return 1; } break; case 'f': f = optarg; break; case 'P': pr = optarg; break;
        case 'n': n = atoi(optarg); break; case 'c': c = atoi(optarg); break; case 'd': d = atof(optarg); break; case 'w': w = atof(optarg); break;
        case 'r': rate = atof(optarg); break; case 'R': pace = atof(optarg); break; case 'x': nsrc = atoi(optarg); break; case 'v': verbose = atoi(optarg); break; default: return 1; }
    proto = !strcmp(pr, "nchan") ? NCHAN : !strcmp(pr, "bosh") ? BOSH : !strcmp(pr, "eio") ? ENGIO : !strcmp(pr, "faye") ? FAYE : VIA;
    prctl(PR_SET_TIMERSLACK, 1); /* the default rounds a wait up by 50 us, which would be read as latency */
    load(f); if (!strcmp(mode, "post")) n = 0; if (!strcmp(mode, "idle")) c = 0; if (n > nP) n = nP;
    busy = calloc(nS + 1, 1); ridP = calloc(nP + 1, 8); ridS = calloc(nS + 1, 8); latP = malloc(cap * 4); latD = malloc(cap * 4);
    for (int i = 0; i < nP; i++) if (P[i].rid >= 0) ridP[i] = strtoull(P[i].s + P[i].rid, 0, 10);
    for (int i = 0; i < nS; i++) if (S[i].rid >= 0) ridS[i] = strtoull(S[i].s + S[i].rid, 0, 10);
    if (!ndst) dst[ndst++].sin_port = htons(8000);
    for (int i = 0; i < ndst; i++) { dst[i].sin_family = AF_INET; dst[i].sin_addr.s_addr = inet_addr(addr); } ep = epoll_create1(0);
    conn *pc = calloc(n + 1, sizeof *pc), *sc = calloc(c + 1, sizeof *sc); spare = calloc(c + 1, sizeof *spare); npong = nO ? 16 : 0; pongc = calloc(17, sizeof *pongc); pongidle = calloc(17, 1); pq_cap = n + 1; pongq = calloc(pq_cap, 4);
    struct epoll_event ev[512]; T0 = now(); Tw = Te = ~0ull; int opened = 0; uint64_t t = T0, drain = 0;
    for (int i = 0; i < npong; i++) { pongc[i].kind = K_PONG; pongc[i].idx = i; dial(&pongc[i]); pongidle[i] = 1; }
    int started = 0; struct rusage u0 = {0}, u1 = {0}; uint64_t wt = 0;
    for (;;) {
        if (opened < n) { int want = (t - T0) / 1e9 * rate + 1; if (want > n) want = n; if (want > opened + 200) want = opened + 200;
            for (; opened < want; opened++) { pc[opened].kind = K_POLL; pc[opened].idx = opened; dial(&pc[opened]); go(&pc[opened]); } }
        if (opened == n && !started) { started = 1; usleep(n ? 300000 : 0); Tw = now() + w * 1e9; Te = Tw + d * 1e9;
            printf("READY %d\n", n); fflush(stdout);
            for (int i = 0; i < c; i++) { sc[i].kind = K_SEND; sc[i].idx = i; dial(&sc[i]); due = now(); again(&sc[i]); } }
        int k = await(ev, opened < n ? 1 : 50, started && nspare);
        for (int i = 0; i < k; i++) rd(ev[i].data.ptr);
        t = now(); if (started) paced(t);
        if (t >= Tw && !wt) { wt = t; getrusage(RUSAGE_SELF, &u0); }
        if (t >= Te && !winddown) { winddown = 1; getrusage(RUSAGE_SELF, &u1); drain = t + (strcmp(mode, "chat") ? 0 : 800000000ull); }
        if (winddown && t >= drain) break;
        if (perr > 50000) { fprintf(stderr, "too many poll errors\n"); break; }
    }
    qsort(latP, nlP, 4, cmp); qsort(latD, nlD, 4, cmp);
#define CPU(u) (u.ru_utime.tv_sec + u.ru_utime.tv_usec / 1e6 + u.ru_stime.tv_sec + u.ru_stime.tv_usec / 1e6)
    printf("{\"mode\":\"%s\",\"secs\":%.2f,\"post_rps\":%.0f,\"post_p50\":%.3f,\"post_p99\":%.3f,\"post_max\":%.3f,\"deliv_rps\":%.0f,\"lat_p50\":%.3f,\"lat_p99\":%.3f,\"lat_max\":%.3f,\"polls_per_s\":%.0f,\"sent\":%lu,\"delivered\":%lu,\"polls\":%lu,\"poll_err\":%lu,\"send_err\":%lu,\"reconn\":%lu,\"gen_cpu\":%.2f,\"status\":{",
        mode, d, posts / d, q(latP, nlP, .5), q(latP, nlP, .99), q(latP, nlP, 1), delivered / d, q(latD, nlD, .5), q(latD, nlD, .99), q(latD, nlD, 1), polls_w / d, sent_all, deliv_all, polls, perr, serr, reconn, (CPU(u1) - CPU(u0)) / d);
    int first = 1; for (int i = 0; i < 600; i++) if (status_cnt[i]) { printf("%s\"%d\":%lu", first ? "" : ",", i, status_cnt[i]); first = 0; }
    printf("}}\n"); return 0;
}
