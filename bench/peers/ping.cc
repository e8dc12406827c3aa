// Round trips over a link of 1 ms, as ns-3's users would write it: with its point-to-point devices, so fast that sending
// takes no time. `ping TIMES` prints how many million messages a second were sent; without TIMES, it shows that it works.
#include "ns3/core-module.h"
#include "ns3/network-module.h"
#include "ns3/point-to-point-module.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

using namespace ns3;

const uint16_t PROTOCOL = 0x0800;

static int g_left;

static bool Send(Ptr<NetDevice> device)
{
  return device->Send(Create<Packet>(56), device->GetBroadcast(), PROTOCOL);
}

static bool Echo(Ptr<NetDevice> device, Ptr<const Packet>, uint16_t, const Address&)
{
  return Send(device);
}

static bool Next(Ptr<NetDevice> device, Ptr<const Packet>, uint16_t, const Address&)
{
  return --g_left == 0 || Send(device);
}

int main(int argc, char** argv)
{
  const int times = g_left = argc > 1 ? std::atoi(argv[1]) : 1000;
  NodeContainer nodes(2);
  PointToPointHelper link;
  link.SetDeviceAttribute("DataRate", StringValue("1000000Gbps"));
  link.SetChannelAttribute("Delay", StringValue("1ms"));
  NetDeviceContainer devices = link.Install(nodes);
  devices.Get(0)->SetReceiveCallback(MakeCallback(&Next));
  devices.Get(1)->SetReceiveCallback(MakeCallback(&Echo));
  const auto begun = std::chrono::steady_clock::now();
  Send(devices.Get(0));
  Simulator::Run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  if (Simulator::Now() != MilliSeconds(2 * int64_t(times))) std::abort();
  std::printf("%f\n", 2e-6 * times / took.count());
  Simulator::Destroy();
}
