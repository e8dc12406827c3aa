// A queue with one server (M/M/1) for a simulated day on ns-3, by its events.
//
//   g++ -O2 mm1.cc -lns3-core
#include "server.h"

#include <chrono>
#include <cstdio>

const double DAY = 86400; // seconds

int main()
{
  const auto begun = std::chrono::steady_clock::now();
  Server server;
  ns3::Simulator::Stop(ns3::Seconds(DAY));
  ns3::Simulator::Run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("mean wait %.4f s, in theory %.4f s\n", server.MeanWait(), ARRIVALS / SERVICES / (SERVICES - ARRIVALS));
  std::printf("%lu customers, %lu events, %.2f s of real time\n",
              server.Served(), ns3::Simulator::GetEventCount(), took.count());
  ns3::Simulator::Destroy();
}
