/* Random numbers for User-Mode Linux kernels that are the same in each run.
 * Preloaded: LD_PRELOAD=…/random.so GUEST_CLOCK_SEED=1 linux …
 *
 * A kernel has its random numbers of the host: by getrandom, and from /dev/random,
 * which it reads now and then to stir its own generator. All that it draws follows
 * from those: the numbers of packets and ports, where streams of TCP begin, UUIDs,
 * delays that are spread by chance. With this library both follow from
 * GUEST_CLOCK_SEED, any text. Without it, or where it is empty, the host is asked.
 *
 * This is for simulations. What such a kernel takes for secret anybody can draw.
 *
 * Build: cc -O2 -fPIC -shared -o random.so random.c -ldl */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* Of the C library, or of whatever else is preloaded after this. */
static ssize_t (*next_getrandom)(void *, size_t, unsigned int);
static ssize_t (*next_read)(int, void *, size_t);
static int (*next_open64)(const char *, int, ...);
static int (*next_close)(int);

static int seeded;

/* Of the generator, splitmix64. */
static uint64_t state;

/* The descriptor of /dev/random; -1 as long as it isn't open. */
static int source = -1;

__attribute__((constructor)) static void begin(void)
{
	const char *seed = getenv("GUEST_CLOCK_SEED");

	*(void **)&next_getrandom = dlsym(RTLD_NEXT, "getrandom");
	*(void **)&next_read = dlsym(RTLD_NEXT, "read");
	*(void **)&next_open64 = dlsym(RTLD_NEXT, "open64");
	*(void **)&next_close = dlsym(RTLD_NEXT, "close");
	if (!seed || !*seed)
		return;
	/* FNV-1a makes a number of the text. */
	state = UINT64_C(0xcbf29ce484222325);
	for (; *seed; seed++)
		state = (state ^ (unsigned char)*seed) * UINT64_C(0x100000001b3);
	seeded = 1;
}

static uint64_t draw(void)
{
	uint64_t word = state += UINT64_C(0x9e3779b97f4a7c15);

	word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
	return word ^ word >> 31;
}

static ssize_t fill(void *buffer, size_t length)
{
	for (size_t done = 0; done < length; done += sizeof(uint64_t)) {
		uint64_t word = draw();
		size_t left = length - done;

		memcpy((char *)buffer + done, &word, left < sizeof word ? left : sizeof word);
	}
	return (ssize_t)length;
}

ssize_t getrandom(void *buffer, size_t length, unsigned int flags)
{
	return seeded ? fill(buffer, length) : next_getrandom(buffer, length, flags);
}

int open64(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;
	int descriptor;

	/* Without O_CREAT nobody looks at the mode. */
	va_start(arguments, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	descriptor = next_open64(path, flags, mode);
	if (seeded && descriptor >= 0 && !strcmp(path, "/dev/random"))
		source = descriptor;
	return descriptor;
}

ssize_t read(int descriptor, void *buffer, size_t length)
{
	return descriptor >= 0 && descriptor == source ? fill(buffer, length) : next_read(descriptor, buffer, length);
}

int close(int descriptor)
{
	if (descriptor == source)
		source = -1;
	return next_close(descriptor);
}
