/**
 * A thread that asks for time by the memory, once a round, while somebody else ends the turn.
 *
 * @module
 */
import { parentPort, workerData } from "node:worker_threads"
import * as SharedMemory from "../../../src/core/SharedMemory.ts"

interface Given {
  readonly buffer: SharedArrayBuffer
  /** The round that is to be run, the rounds begun, the rounds ended, and whether the memory was enough. */
  readonly control: Int32Array<SharedArrayBuffer>
  readonly rounds: number
}

const { buffer, control, rounds } = workerData as Given
const attached = SharedMemory.attach(buffer)
if (attached._tag === "Unusable") throw new Error(attached.why)
parentPort!.postMessage("ready")
for (let round = 1; round <= rounds; round++) {
  while (Atomics.load(control, 0) < round);
  Atomics.store(control, 1, round)
  for (let idle = 0; idle < (round * 13) % 200; idle++) Atomics.load(control, 3)
  const isAll = SharedMemory.request(attached.memory, 2, 500n as Parameters<typeof SharedMemory.request>[2])
  Atomics.store(control, 3, isAll ? 1 : 0)
  Atomics.store(control, 2, round)
}
