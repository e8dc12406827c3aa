import { sized } from "../numbers.ts"
import * as Peers from "../peers.ts"
import type { Suite } from "../suite.ts"
import * as Worlds from "../worlds.ts"

const TIMES = sized(100_000)
const ns3 = Peers.of("ns-3", Peers.cpp("ping.cc", "core", "network", "point-to-point"), TIMES)
const simPy = Peers.of("SimPy", Peers.simPy("ping.py"), TIMES)

const suite: Suite = {
  about: "Round trips between two guests of a world over a link of 1 ms",
  unit: "M messages/s",
  more: true,
  cases: [
    { name: "handlers", against: [ns3.name, simPy.name], measure: () => Worlds.pingByHandlers(TIMES) },
    { name: "fibers", against: [simPy.name, ns3.name], measure: () => Worlds.pingByFibers(TIMES) },
    { ...ns3, against: [] },
    { ...simPy, against: [] },
  ],
}

export default suite
