// A queue with one server (M/M/1), as ns-3's users would write it: 20 arrivals and 40 services a second.
#pragma once

#include "ns3/core-module.h"

#include <cstdint>
#include <limits>
#include <queue>

const double ARRIVALS = 20, SERVICES = 40; // a second

class Server {
public:
  explicit Server(long customers = std::numeric_limits<long>::max()) : m_left(customers)
  {
    m_between->SetAttribute("Mean", ns3::DoubleValue(1 / ARRIVALS));
    m_service->SetAttribute("Mean", ns3::DoubleValue(1 / SERVICES));
    Next();
  }

  uint64_t Served() const { return m_served; }
  double MeanWait() const { return m_waited / m_served; }

private:
  void Next()
  {
    if (m_left-- > 0) ns3::Simulator::Schedule(ns3::Seconds(m_between->GetValue()), &Server::Arrive, this);
  }

  void Arrive()
  {
    m_waiting.push(ns3::Simulator::Now());
    if (!m_busy) Serve();
    Next();
  }

  void Serve()
  {
    m_waited += (ns3::Simulator::Now() - m_waiting.front()).GetSeconds();
    m_waiting.pop();
    m_served++;
    m_busy = true;
    ns3::Simulator::Schedule(ns3::Seconds(m_service->GetValue()), &Server::Depart, this);
  }

  void Depart()
  {
    m_busy = false;
    if (!m_waiting.empty()) Serve();
  }

  ns3::Ptr<ns3::ExponentialRandomVariable> m_between = ns3::CreateObject<ns3::ExponentialRandomVariable>();
  ns3::Ptr<ns3::ExponentialRandomVariable> m_service = ns3::CreateObject<ns3::ExponentialRandomVariable>();
  std::queue<ns3::Time> m_waiting;
  bool m_busy = false;
  long m_left;
  uint64_t m_served = 0;
  double m_waited = 0;
};
