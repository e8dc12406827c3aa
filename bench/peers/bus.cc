// 100 nodes on a bus of 1 ms: whoever's turn it is sends to all others, who all get it. As ns-3's users would write it,
// with its simple devices. `bus SENDS` prints how many million messages a second arrived; without SENDS, it shows that
// it works.
#include "ns3/core-module.h"
#include "ns3/network-module.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

using namespace ns3;

const uint16_t PROTOCOL = 0x0800;
const uint32_t NODES = 100;

static NetDeviceContainer g_devices;
static int g_left;
static long g_arrived = 0;
static uint32_t g_turn = 0;

static void Send()
{
  const Ptr<NetDevice> device = g_devices.Get(g_turn);
  g_turn = (g_turn + 1) % NODES;
  device->Send(Create<Packet>(56), device->GetBroadcast(), PROTOCOL);
}

static bool Arrived(Ptr<NetDevice> device, Ptr<const Packet>, uint16_t, const Address&)
{
  g_arrived++;
  if (device == g_devices.Get(g_turn) && --g_left > 0) Send();
  return true;
}

int main(int argc, char** argv)
{
  const int sends = g_left = argc > 1 ? std::atoi(argv[1]) : 10;
  NodeContainer nodes(NODES);
  SimpleNetDeviceHelper bus;
  bus.SetChannelAttribute("Delay", StringValue("1ms"));
  g_devices = bus.Install(nodes);
  for (uint32_t i = 0; i < NODES; i++) g_devices.Get(i)->SetReceiveCallback(MakeCallback(&Arrived));
  const auto begun = std::chrono::steady_clock::now();
  Send();
  Simulator::Run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  if (g_arrived != sends * long(NODES - 1)) std::abort();
  std::printf("%f\n", 1e-6 * g_arrived / took.count());
  Simulator::Destroy();
}
