// The hold model on ns-3's simulator with its default scheduler: so many events are
// pending, and each that fires schedules another at random.
//
//   hold-ns3 fire PENDING EVENTS     prints million events a second
//   hold-ns3 remove PENDING EVENTS   one is taken out at random, and another scheduled: million a second
//   hold-ns3 bytes PENDING           prints bytes for each that is pending
//   hold-ns3                         prints a figure, which shows that it works
#include "hold.h"

#include "ns3/core-module.h"

using namespace ns3;

static uint64_t left;

static void fire()
{
  if (left-- == 0) Simulator::Stop();
  else Simulator::Schedule(NanoSeconds(ahead()), &fire);
}

static void never()
{
}

int main(int count, char** given)
{
  const std::vector<std::string> words = wordsOf(count, given);
  if (words.size() < 3) return 2;
  const uint64_t pending = std::stoull(words[2]);
  const uint64_t events = words.size() < 4 ? 0 : std::stoull(words[3]);
  Simulator::SetScheduler(ObjectFactory("ns3::MapScheduler"));
  if (words[1] == "fire") {
    for (uint64_t at = 0; at < pending; at++) Simulator::Schedule(NanoSeconds(ahead()), &fire);
    left = events;
    const Stopwatch stopwatch;
    Simulator::Run();
    stopwatch.print(events);
  } else if (words[1] == "remove") {
    std::vector<EventId> ids;
    for (uint64_t at = 0; at < pending; at++) ids.push_back(Simulator::Schedule(NanoSeconds(ahead()), &never));
    const Stopwatch stopwatch;
    for (uint64_t left = events; left > 0; left--) {
      EventId& id = ids[ahead() % pending];
      Simulator::Remove(id);
      id = Simulator::Schedule(NanoSeconds(ahead()), &never);
    }
    stopwatch.print(events);
  } else {
    const double before = resident();
    for (uint64_t at = 0; at < pending; at++) Simulator::Schedule(NanoSeconds(ahead()), &never);
    std::printf("%f\n", (resident() - before) / pending);
  }
}
