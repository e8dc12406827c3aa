// The hold model on C++'s std::priority_queue, which is the limit: so many entries are
// pending, and each that comes first is taken out and another added at random.
//
//   hold-heap fire PENDING EVENTS   prints million events a second
//   hold-heap bytes PENDING         prints bytes for each that is pending
//   hold-heap                       prints a figure, which shows that it works
#include "hold.h"

#include <queue>

struct Entry {
  uint64_t time;
  uint64_t place;
  bool operator<(const Entry& other) const
  {
    return time != other.time ? time > other.time : place > other.place;
  }
};

int main(int count, char** given)
{
  const std::vector<std::string> words = wordsOf(count, given);
  if (words.size() < 3) return 2;
  const uint64_t pending = std::stoull(words[2]);
  std::priority_queue<Entry> queue;
  uint64_t place = 0;
  const double before = resident();
  while (place < pending) queue.push({ahead(), place++});
  if (words[1] == "bytes") {
    std::printf("%f\n", (resident() - before) / pending);
    return 0;
  }
  if (words.size() < 4) return 2;
  const uint64_t events = std::stoull(words[3]);
  const Stopwatch stopwatch;
  for (uint64_t left = events; left > 0; left--) {
    const uint64_t now = queue.top().time;
    queue.pop();
    queue.push({now + ahead(), place++});
  }
  stopwatch.print(events);
}
