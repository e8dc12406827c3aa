// What the peers in C++ share: the random numbers of bench/numbers.ts, and how they measure.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>
#include <string>
#include <vector>

/** From 1 ns to a second. */
inline uint64_t ahead()
{
  static uint32_t state = 12345;
  state = (state * 1103515245u + 12345u) & 0x7fffffffu;
  return 1 + state % 1000000000u;
}

/** Bytes of memory that this process has now. Not the most it ever had: that begins with its parent's. */
inline double resident()
{
  long all = 0, pages = 0;
  FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%ld %ld", &all, &pages) != 2) std::abort();
  std::fclose(file);
  return static_cast<double>(pages) * sysconf(_SC_PAGESIZE);
}

/** The words of the command line. Without any, those of a trial: it only shows that the program works. */
inline std::vector<std::string> wordsOf(int count, char** words)
{
  if (count == 1) return {words[0], "fire", "2", "1000"};
  return {words, words + count};
}

class Stopwatch {
public:
  /** Prints how many million events a second so many of them were. */
  void print(uint64_t events) const
  {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    std::printf("%f\n", events / took.count() / 1e6);
  }

private:
  const std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
};
