/* A ptrace for User-Mode Linux kernels, on hosts whose processors have more
 * registers than the kernels know of. Preloaded: LD_PRELOAD=…/xstate.so linux …
 *
 * A kernel sets its processes' extended registers (the XSAVE area) by
 * PTRACE_SETREGSET, from a buffer whose size was fixed when it was written. The
 * host takes nothing but the whole area. With AMX that is 11,008 bytes, and
 * kernels of 6.1 and 6.12 have 2,696: the host answers EFAULT, and the kernel
 * panics before its first process. So what is too short is padded here to what
 * the host wants. All other calls, and those that are long enough, are passed on
 * as they are: where it isn't needed this library does nothing.
 *
 * How long the area is, the host itself is asked, once: PTRACE_GETREGSET tells,
 * given room enough. CPUID would tell as well what the processor has, but not
 * what the host's kernel makes of it, and a test couldn't stand in for it.
 *
 * GUEST_CLOCK_XSTATE in the environment:
 *   auto    pads what the host would refuse (the default)
 *   always  has each of these calls go through the padding, and says so
 *   never   passes everything on
 *
 * Build: cc -O2 -fPIC -shared -o xstate.so xstate.c -ldl */
#define _GNU_SOURCE
#include <cpuid.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef __x86_64__
#error "XSAVE areas are the affair of x86-64"
#endif

/* The XSAVE area: 512 bytes of FXSAVE, a header of 64, then the components. The
 * header begins with XSTATE_BV: which components are in the area. Those that
 * aren't are set to their initial state. */
enum { XSTATE_BV = 512, HEADER_END = 576 };

/* How much room the host is offered first, when it is asked for the whole area. */
enum { FIRST_TRY = 16384 };

static enum { AUTO, ALWAYS, NEVER } mode;

/* Of the C library, or of whatever else is preloaded after this. It knows what
 * ptrace returns for PTRACE_PEEK…, which isn't what the system call returns. */
static long (*next)(enum __ptrace_request, ...);

/* The length of the area on this host, in bytes; 0 as long as nobody has asked.
 * It is the same for all processes. */
static size_t whole;

/* Room for one area; NULL while a call uses it. */
static void *spare;

/* Kernel stacks are small, and its malloc is its own affair: plain system calls. */
static void say(const char *format, ...)
{
	char line[200];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	if (length > (int)sizeof line - 1)
		length = sizeof line - 1;
	while (write(STDERR_FILENO, line, length) < 0 && errno == EINTR)
		;
}

__attribute__((constructor)) static void begin(void)
{
	const char *wanted = getenv("GUEST_CLOCK_XSTATE");

	*(void **)&next = dlsym(RTLD_NEXT, "ptrace");
	if (!wanted || !*wanted || !strcmp(wanted, "auto")) {
		mode = AUTO;
	} else if (!strcmp(wanted, "always")) {
		mode = ALWAYS;
	} else if (!strcmp(wanted, "never")) {
		mode = NEVER;
	} else {
		say("xstate.so: GUEST_CLOCK_XSTATE is \"%s\": it must be auto, always or never\n", wanted);
		_exit(2);
	}
}

static void *map(size_t length)
{
	void *area = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area != MAP_FAILED)
		return area;
	say("xstate.so: there is no memory for an XSAVE area of %zu bytes\n", length);
	errno = ENOMEM;
	return NULL;
}

/* Asks the host how long the area is; 0, with errno, if it doesn't tell. */
static size_t ask(pid_t pid)
{
	for (size_t room = FIRST_TRY;; room *= 2) {
		struct iovec all = { .iov_base = map(room), .iov_len = room };
		long result;
		int error;

		if (!all.iov_base)
			return 0;
		result = next(PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, &all);
		error = errno;
		munmap(all.iov_base, room);
		errno = error;
		if (result < 0)
			return 0;
		/* The host cuts short what there is no room for. */
		if (all.iov_len < room)
			return all.iov_len;
	}
}

/* Of the components in `present`, as bits of XSTATE_BV, those that the first `length`
 * bytes of an area have room for. Where each of them lies differs from processor to
 * processor. One that this processor hasn't got, or its kernel doesn't use, is in no area. */
static uint64_t that_fit(uint64_t present, size_t length)
{
	static uint32_t ends[64]; /* of each component in the area; 0: it is in none */
	static int filled;
	uint32_t size, offset, ignored, low, high;
	uint64_t fit = present & 3; /* x87 and SSE, which FXSAVE has */

	/* Two threads that do this at once write the same. */
	if (!__atomic_load_n(&filled, __ATOMIC_ACQUIRE)) {
		__cpuid_count(0xd, 0, low, ignored, ignored, high);
		for (int component = 2; component < 63; component++) {
			if (!(((uint64_t)high << 32 | low) >> component & 1))
				continue;
			__cpuid_count(0xd, component, size, offset, ignored, ignored);
			if (size > 0)
				ends[component] = offset + size;
		}
		__atomic_store_n(&filled, 1, __ATOMIC_RELEASE);
	}
	for (int component = 2; component < 63; component++) {
		if (ends[component] > 0 && ends[component] <= length)
			fit |= present & UINT64_C(1) << component;
	}
	return fit;
}

static long set_xstate(pid_t pid, struct iovec *given)
{
	struct iovec padded;
	size_t length;
	uint64_t present;
	void *left;
	long result;
	int error;

	/* What the host refuses for another reason, it is to refuse itself: there is no header, or no whole word. */
	if (!given || !given->iov_base || given->iov_len < HEADER_END || given->iov_len % sizeof(uint64_t))
		return next(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, given);
	if (whole == 0 && (whole = ask(pid)) == 0)
		return -1;
	if (given->iov_len >= whole && mode != ALWAYS)
		return next(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, given);

	/* A signal's handler or another thread that comes in between finds no spare room, and maps some. */
	padded.iov_base = __atomic_exchange_n(&spare, NULL, __ATOMIC_ACQ_REL);
	padded.iov_len = whole;
	if (!padded.iov_base && !(padded.iov_base = map(whole)))
		return -1;
	length = given->iov_len < whole ? given->iov_len : whole;
	memcpy(padded.iov_base, given->iov_base, length);
	memset((char *)padded.iov_base + length, 0, whole - length);
	if (length < whole) {
		/* The caller has the bits of all components, as the host told it, but not their
		 * contents. They are set to their initial state: the processes of a kernel take
		 * turns in one process of the host, and would find each other's there. */
		memcpy(&present, (char *)padded.iov_base + XSTATE_BV, sizeof present);
		present = that_fit(present, length);
		memcpy((char *)padded.iov_base + XSTATE_BV, &present, sizeof present);
	}
	result = next(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, &padded);
	error = errno;
	if (result >= 0)
		given->iov_len = length;
	left = __atomic_exchange_n(&spare, padded.iov_base, __ATOMIC_ACQ_REL);
	if (left)
		munmap(left, whole);
	if (mode == ALWAYS) {
		static int said;

		if (!__atomic_exchange_n(&said, 1, __ATOMIC_RELAXED))
			say("xstate.so: %zu bytes of an XSAVE area are set as %zu\n", length, whole);
	}
	errno = error;
	return result;
}

/* As the C library does, all arguments are read, also those that a request hasn't got. */
long ptrace(enum __ptrace_request request, ...)
{
	va_list arguments;
	pid_t pid;
	void *address, *data;

	va_start(arguments, request);
	pid = va_arg(arguments, pid_t);
	address = va_arg(arguments, void *);
	data = va_arg(arguments, void *);
	va_end(arguments);
	if (request == PTRACE_SETREGSET && address == (void *)NT_X86_XSTATE && mode != NEVER)
		return set_xstate(pid, data);
	return next(request, pid, address, data);
}
