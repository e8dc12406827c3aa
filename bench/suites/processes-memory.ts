import * as Light from "../light.ts"
import { sized } from "../numbers.ts"
import * as Peers from "../peers.ts"
import type { Suite } from "../suite.ts"

const PROCESSES = sized(50_000)

const suite: Suite = {
  about: "Memory of a process of a world that holds",
  unit: "bytes",
  more: false,
  apart: true,
  warmUps: 0,
  cases: [
    Peers.of("SimPy's processes", Peers.simPy("hold.py"), PROCESSES),
    { name: "fibers", measure: () => Light.bytes(Light.fibers, PROCESSES) },
    { name: "light", measure: () => Light.bytes(Light.light, PROCESSES) },
  ],
}

export default suite
