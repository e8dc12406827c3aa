// A queue with one server (M/M/1) for a simulated day, as ns-3's users would write it.
//
//   g++ -O2 mm1.cc -lns3-core
#include "ns3/core-module.h"

#include <chrono>
#include <cstdio>
#include <queue>

using namespace ns3;

const double ARRIVALS = 20, SERVICES = 40, DAY = 86400; // a second, a second, seconds

class Server {
public:
  Server()
  {
    m_between->SetAttribute("Mean", DoubleValue(1 / ARRIVALS));
    m_service->SetAttribute("Mean", DoubleValue(1 / SERVICES));
    Simulator::Schedule(Seconds(m_between->GetValue()), &Server::Arrive, this);
  }

  uint64_t Served() const { return m_served; }
  double MeanWait() const { return m_waited / m_served; }

private:
  void Arrive()
  {
    m_waiting.push(Simulator::Now());
    if (!m_busy) Serve();
    Simulator::Schedule(Seconds(m_between->GetValue()), &Server::Arrive, this);
  }

  void Serve()
  {
    m_waited += (Simulator::Now() - m_waiting.front()).GetSeconds();
    m_waiting.pop();
    m_served++;
    m_busy = true;
    Simulator::Schedule(Seconds(m_service->GetValue()), &Server::Depart, this);
  }

  void Depart()
  {
    m_busy = false;
    if (!m_waiting.empty()) Serve();
  }

  Ptr<ExponentialRandomVariable> m_between = CreateObject<ExponentialRandomVariable>();
  Ptr<ExponentialRandomVariable> m_service = CreateObject<ExponentialRandomVariable>();
  std::queue<Time> m_waiting;
  bool m_busy = false;
  uint64_t m_served = 0;
  double m_waited = 0;
};

int main()
{
  const auto begun = std::chrono::steady_clock::now();
  Server server;
  Simulator::Stop(Seconds(DAY));
  Simulator::Run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("mean wait %.4f s, in theory %.4f s\n", server.MeanWait(), ARRIVALS / SERVICES / (SERVICES - ARRIVALS));
  std::printf("%lu customers, %lu events, %.2f s of real time\n",
              server.Served(), Simulator::GetEventCount(), took.count());
  Simulator::Destroy();
}
