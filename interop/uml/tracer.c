/* For tests: traces children and prints what ptrace answers, the extended registers (the XSAVE
 * area) set from a buffer of 2,696 bytes, which is what kernels have. Build: cc -O2 -pthread -o tracer tracer.c */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LENGTH = 2696, XSTATE_BV = 512, THREADS = 4, ROUNDS = 500 };
/* Where the registers XMM3 and the upper half of YMM3 are, and the bits of XSTATE_BV for them. */
enum { XMM3 = 160 + 3 * 16, YMM3 = 576 + 3 * 16, SSE_AND_AVX = 6 };

static long word = 0x1122334455667788, minus_one = -1;

static pid_t start(void)
{
	pid_t child = fork();

	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	return child;
}

static void end(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void say(const char *what, long result)
{
	int error = errno;

	printf("%s: %lx, %s\n", what, result, result != -1 || error == 0 ? "ok" : strerrorname_np(error));
	errno = 0;
}

static long xstate(enum __ptrace_request request, pid_t child, void *area, size_t length)
{
	struct iovec given = { area, length };

	return ptrace(request, child, NT_X86_XSTATE, &given);
}

/* Sets registers to something, and reads them again; 0 if they are the same then. */
static long change(pid_t child, unsigned char seed)
{
	_Alignas(64) char area[LENGTH], again[LENGTH];
	uint64_t present;

	memset(area, 0, sizeof area);
	memset(again, 0, sizeof again);
	if (xstate(PTRACE_GETREGSET, child, area, sizeof area) < 0)
		return -1;
	memset(area + XMM3, seed, 16);
	memset(area + YMM3, seed + 1, 16);
	memcpy(&present, area + XSTATE_BV, sizeof present);
	present |= SSE_AND_AVX;
	memcpy(area + XSTATE_BV, &present, sizeof present);
	if (xstate(PTRACE_SETREGSET, child, area, sizeof area) < 0)
		return -1;
	if (xstate(PTRACE_GETREGSET, child, again, sizeof again) < 0)
		return -1;
	return memcmp(area + XMM3, again + XMM3, 16) || memcmp(area + YMM3, again + YMM3, 16) ? 1 : 0;
}

/* That many times, in a thread with a child of its own; what it comes to, or errno, negated. */
static void *thread(void *seed)
{
	pid_t child = start();
	long result = 0;

	for (int round = 0; round < ROUNDS && result == 0; round++)
		result = change(child, (unsigned char)(round * THREADS + (intptr_t)seed));
	if (result < 0)
		result = -errno;
	end(child);
	return (void *)result;
}

int main(void)
{
	static char area[1 << 16];
	struct user_regs_struct registers;
	struct iovec fpu = { area, 512 };
	pthread_t threads[THREADS];
	pid_t child = start();
	long results = 0;

	errno = 0;
	say("peek a word", ptrace(PTRACE_PEEKDATA, child, &word, 0));
	say("peek -1", ptrace(PTRACE_PEEKDATA, child, &minus_one, 0));
	say("peek nowhere", ptrace(PTRACE_PEEKDATA, child, 8, 0));
	say("peek the user area", ptrace(PTRACE_PEEKUSER, child, offsetof(struct user, regs.rip), 0) == 0);
	say("poke", ptrace(PTRACE_POKEDATA, child, &word, 7L));
	say("peek it", ptrace(PTRACE_PEEKDATA, child, &word, 0));
	say("get registers", ptrace(PTRACE_GETREGS, child, 0, &registers));
	say("set registers", ptrace(PTRACE_SETREGS, child, 0, &registers));
	say("get FPU", ptrace(PTRACE_GETREGSET, child, NT_PRFPREG, &fpu));
	say("set FPU", ptrace(PTRACE_SETREGSET, child, NT_PRFPREG, &fpu));
	say("change XSTATE", change(child, 1));
	say("set XSTATE of 104 bytes", xstate(PTRACE_SETREGSET, child, area, 104));
	say("set XSTATE of 2,701 bytes", xstate(PTRACE_SETREGSET, child, area, LENGTH + 5));
	say("set XSTATE from nowhere", ptrace(PTRACE_SETREGSET, child, NT_X86_XSTATE, NULL));
	say("get XSTATE of 65,536 bytes", xstate(PTRACE_GETREGSET, child, area, sizeof area));
	for (intptr_t n = 0; n < THREADS; n++)
		pthread_create(&threads[n], NULL, thread, (void *)n);
	for (int n = 0; n < THREADS; n++) {
		void *result;

		pthread_join(threads[n], &result);
		if (result)
			results = (long)result;
	}
	errno = results < 0 ? -results : 0;
	say("change XSTATE in threads", results < 0 ? -1 : results);
	end(child);
	say("set XSTATE of nobody", xstate(PTRACE_SETREGSET, child, area, LENGTH));
}
