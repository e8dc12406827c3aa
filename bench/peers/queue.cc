// So many customers of a queue with one server (M/M/1) on ns-3, by its events.
//
// queue CUSTOMERS prints thousand customers a second; queue prints a figure, which shows that it works.
#include "server.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv)
{
  const long customers = argc > 1 ? std::atol(argv[1]) : 100;
  const auto begun = std::chrono::steady_clock::now();
  Server server(customers);
  ns3::Simulator::Run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("%f\n", customers / took.count() / 1e3);
  ns3::Simulator::Destroy();
}
