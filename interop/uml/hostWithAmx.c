/* For tests: makes this host look like one with AMX to a program that traces others.
 * Preloaded after xstate.so, it stands in for the host's kernel:
 *
 *  - an XSAVE area has HOST_XSTATE bytes, 11,008 if it isn't set, more than this host's own;
 *  - PTRACE_GETREGSET says so, and has bits for components that this host doesn't know:
 *    AMX's, 17 and 18;
 *  - PTRACE_SETREGSET takes a whole area and nothing less: EFAULT; nor one in which such a bit
 *    is set, since the traced process never asked for AMX, or whose padding isn't empty: EINVAL.
 *
 * Build: cc -O2 -fPIC -shared -o hostWithAmx.so hostWithAmx.c -ldl */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

#define AMX (UINT64_C(3) << 17)
enum { XSTATE_BV = 512 };

static long (*next)(enum __ptrace_request, ...);
static size_t whole = 11008;

__attribute__((constructor)) static void begin(void)
{
	const char *bytes = getenv("HOST_XSTATE");

	*(void **)&next = dlsym(RTLD_NEXT, "ptrace");
	if (bytes)
		whole = strtoul(bytes, NULL, 10);
}

static long get(pid_t pid, struct iovec *given)
{
	size_t wanted = given->iov_len < whole ? given->iov_len : whole;
	long result = next(PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, given);
	uint64_t present;

	if (result < 0)
		return result;
	memset((char *)given->iov_base + given->iov_len, 0, wanted - given->iov_len);
	given->iov_len = wanted;
	if (wanted >= XSTATE_BV + sizeof present) {
		memcpy(&present, (char *)given->iov_base + XSTATE_BV, sizeof present);
		present |= AMX;
		memcpy((char *)given->iov_base + XSTATE_BV, &present, sizeof present);
	}
	return result;
}

/* How long this host's own area is; 0, with errno, if it doesn't tell. */
static size_t own(pid_t pid)
{
	struct iovec area = { mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), whole };
	long result;
	int error;

	if (area.iov_base == MAP_FAILED)
		abort();
	result = next(PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, &area);
	error = errno;
	munmap(area.iov_base, whole);
	errno = error;
	return result < 0 ? 0 : area.iov_len;
}

static long set(pid_t pid, struct iovec *given)
{
	struct iovec real = { given->iov_base, own(pid) };
	uint64_t present;
	long result;

	if (real.iov_len == 0)
		return -1;
	if (given->iov_len % sizeof(uint64_t) || given->iov_len < whole) {
		errno = given->iov_len % sizeof(uint64_t) ? EINVAL : EFAULT;
		return -1;
	}
	memcpy(&present, (char *)given->iov_base + XSTATE_BV, sizeof present);
	for (size_t at = real.iov_len; at < whole; at++) {
		if (((char *)given->iov_base)[at])
			present |= AMX;
	}
	if (present & AMX) {
		errno = EINVAL;
		return -1;
	}
	result = next(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, &real);
	if (result >= 0)
		given->iov_len = whole;
	return result;
}

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
	if (data && address == (void *)NT_X86_XSTATE && request == PTRACE_GETREGSET)
		return get(pid, data);
	if (data && address == (void *)NT_X86_XSTATE && request == PTRACE_SETREGSET)
		return set(pid, data);
	return next(request, pid, address, data);
}
