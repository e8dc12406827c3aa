import * as Light from "../light.ts"
import { sized } from "../numbers.ts"
import * as Peers from "../peers.ts"
import type { Suite } from "../suite.ts"

const CUSTOMERS = sized(200_000)
const simPy = Peers.of("SimPy", Peers.simPy("queue.py"), CUSTOMERS)
const ns3 = Peers.of("ns-3", Peers.cpp("queue.cc", "core"), CUSTOMERS)

const suite: Suite = {
  about: "A queue with one server (M/M/1), each customer of which is a process",
  unit: "k customers/s",
  more: true,
  cases: [
    { ...simPy, against: [] },
    { ...ns3, against: [] },
    { name: "fibers", against: [simPy.name, ns3.name], measure: () => Light.queue(Light.fibers, CUSTOMERS) },
    { name: "light", against: [simPy.name, ns3.name], measure: () => Light.queue(Light.light, CUSTOMERS) },
  ],
}

export default suite
