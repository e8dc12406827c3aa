import { sized } from "../numbers.ts"
import * as Peers from "../peers.ts"
import type { Suite } from "../suite.ts"
import * as Worlds from "../worlds.ts"

const SENDS = sized(2000)
const ns3 = Peers.of("ns-3", Peers.cpp("bus.cc", "core", "network"), SENDS)
const simPy = Peers.of("SimPy", Peers.simPy("bus.py"), SENDS)

const suite: Suite = {
  about: "100 guests of a world on a bus of 1 ms, who all get what one after the other sends",
  unit: "M arrivals/s",
  more: true,
  cases: [
    { name: "handlers", against: [ns3.name, simPy.name], measure: () => Worlds.busByHandlers(SENDS) },
    { name: "fibers", against: [simPy.name, ns3.name], measure: () => Worlds.busByFibers(SENDS) },
    { ...ns3, against: [] },
    { ...simPy, against: [] },
  ],
}

export default suite
