// So many customers of a queue with one server (M/M/1) on ns-3, by its events.
//
// queue CUSTOMERS prints thousand customers a second; queue prints a figure, which shows that it works.
#include "ns3/core-module.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <queue>

using namespace ns3;

class Server {
public:
  explicit Server(long customers) : m_left(customers)
  {
    m_between->SetAttribute("Mean", DoubleValue(1.0 / 20));
    m_service->SetAttribute("Mean", DoubleValue(1.0 / 40));
    Next();
  }

private:
  void Next()
  {
    if (m_left-- > 0) Simulator::Schedule(Seconds(m_between->GetValue()), &Server::Arrive, this);
  }

  void Arrive()
  {
    m_waiting.push(Simulator::Now());
    if (!m_busy) Serve();
    Next();
  }

  void Serve()
  {
    m_waited += (Simulator::Now() - m_waiting.front()).GetSeconds();
    m_waiting.pop();
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
  long m_left;
  double m_waited = 0;
};

int main(int argc, char** argv)
{
  const long customers = argc > 1 ? std::atol(argv[1]) : 100;
  const auto begun = std::chrono::steady_clock::now();
  Server server(customers);
  Simulator::Run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("%f\n", customers / took.count() / 1e3);
  Simulator::Destroy();
}
