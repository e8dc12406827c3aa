// 100,000 round trips over a link of 1 ms, as ns-3's users would write it: with its point-to-point
// devices, so fast that sending takes no time.
//
//   g++ -O2 ping.cc -lns3-core -lns3-network -lns3-point-to-point
#include "ns3/core-module.h"
#include "ns3/network-module.h"
#include "ns3/point-to-point-module.h"

#include <chrono>
#include <cstdio>

using namespace ns3;

const int TIMES = 100000;
const uint16_t PROTOCOL = 0x0800;

static int g_left = TIMES;

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

int main()
{
  const auto begun = std::chrono::steady_clock::now();
  NodeContainer nodes(2);
  PointToPointHelper link;
  link.SetDeviceAttribute("DataRate", StringValue("1000000Gbps"));
  link.SetChannelAttribute("Delay", StringValue("1ms"));
  NetDeviceContainer devices = link.Install(nodes);
  devices.Get(0)->SetReceiveCallback(MakeCallback(&Next));
  devices.Get(1)->SetReceiveCallback(MakeCallback(&Echo));
  Send(devices.Get(0));
  Simulator::Run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("%d round trips in %ld ns, %lu events, %.2f s of real time\n", TIMES, Simulator::Now().GetNanoSeconds(),
              Simulator::GetEventCount(), took.count());
  Simulator::Destroy();
}
