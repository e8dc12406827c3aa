// The hold model on C++'s peers: so many events are pending, and each one that
// fires adds one at a random time ahead. Prints million events a second.
//
//   hold heap|ns-3 PENDING EVENTS
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <queue>
#include <sys/resource.h>
#include <vector>

#include "ns3/core-module.h"

static uint32_t random_state = 12345;

// As in bench/hold.ts.
static uint64_t ahead()
{
  random_state = (random_state * 1103515245u + 12345u) & 0x7fffffffu;
  return 1 + random_state % 1000000000u;
}

static uint64_t left_to_fire;

struct Entry {
  uint64_t time;
  uint64_t place;
  bool operator<(const Entry& other) const
  {
    return time != other.time ? time > other.time : place > other.place;
  }
};

static void hold_heap(uint64_t pending)
{
  std::priority_queue<Entry> queue;
  uint64_t place = 0;
  for (uint64_t at = 0; at < pending; at++) queue.push({ahead(), place++});
  const auto begun = std::chrono::steady_clock::now();
  const uint64_t events = left_to_fire;
  while (left_to_fire-- > 0) {
    const uint64_t now = queue.top().time;
    queue.pop();
    queue.push({now + ahead(), place++});
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("%f\n", events / took.count() / 1e6);
}

static void fire()
{
  if (left_to_fire-- == 0) ns3::Simulator::Stop();
  else ns3::Simulator::Schedule(ns3::NanoSeconds(ahead()), &fire);
}

static long resident()
{
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024L;
}

static void hold_ns3(uint64_t pending)
{
  ns3::Simulator::SetScheduler(ns3::ObjectFactory("ns3::MapScheduler"));
  const long before = resident();
  for (uint64_t at = 0; at < pending; at++) ns3::Simulator::Schedule(ns3::NanoSeconds(ahead()), &fire);
  const long bytes = resident() - before;
  const auto begun = std::chrono::steady_clock::now();
  const uint64_t events = left_to_fire;
  ns3::Simulator::Run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("%f %f\n", events / took.count() / 1e6, static_cast<double>(bytes) / pending);
}

int main(int count, char** words)
{
  if (count != 4) return 2;
  left_to_fire = std::strtoull(words[3], nullptr, 10);
  const uint64_t pending = std::strtoull(words[2], nullptr, 10);
  if (std::strcmp(words[1], "heap") == 0) hold_heap(pending);
  else hold_ns3(pending);
}
