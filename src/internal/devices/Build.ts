/**
 * Builds a device on its guest's clock, from options that it checks. It listens nowhere yet: see `Serving`.
 *
 * @module
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { OptionError } from "../../core/Fault.ts"
import type { Options, VirtioDevice } from "./DeviceOptions.ts"
import { GuestClock } from "../../GuestClock.ts"
import { badDuration, badName, badNanos, badWhole } from "../services/Checks.ts"
import { inNanos } from "../services/Times.ts"
import { Hosted } from "./Hosted.ts"

/** A device, and what serves kernels for it. */
export interface Built {
  readonly device: VirtioDevice
  readonly hosted: Hosted
}

/** The longest time that a device may take: half of all times. */
const LONGEST = 1n << 62n

/** Bits that aren't the device's own: those of queues that are built, and those of the transport. */
const QUEUE_FEATURES = (1n << 28n) | (1n << 29n)
const OTHERS_FEATURES = ((1n << 50n) - 1n) & ~((1n << 24n) - 1n) & ~QUEUE_FEATURES

const badIn = (options: Options): OptionError | undefined => {
  const { name, path, id, queues, features = 0n, latency = 0n, patience = 0, handle, config } = options
  const bad = badName("name", name ?? path) ?? badWhole("id", id, 1, 0xffff) ?? badWhole("queues", queues, 1, 64) ??
    badDuration("patience", patience)
  if (bad !== undefined) return bad
  if (typeof features !== "bigint" || features < 0n || features >= 1n << 64n || (features & OTHERS_FEATURES) !== 0n) {
    return new OptionError("features", features, "it is a bigint of the bits 0 to 23, 28, 29 and 50 to 63")
  }
  for (const [option, given] of [["handle", handle], ["config", config ?? (() => {})]] as const) {
    if (typeof given !== "function") return new OptionError(option, given, "it is a function")
  }
  try {
    return badNanos("latency", inNanos(latency, "latency"), 0n, LONGEST)
  } catch (error) {
    if (error instanceof OptionError) return error
    throw error
  }
}

/** Builds a device that lets go of its kernel when the scope closes. */
export const build = (options: Options): Effect.Effect<Built, OptionError, GuestClock | Scope.Scope> =>
  Effect.gen(function* () {
    const bad = badIn(options)
    if (bad !== undefined) return yield* Effect.fail(bad)
    const { path, id, name = path, features = 1n << 28n, latency = 0n, patience = "30 seconds" } = options
    const hosted = new Hosted(yield* GuestClock, yield* Effect.context<never>(), {
      ...options,
      name,
      features,
      latency: inNanos(latency),
      patienceMs: Duration.toMillis(Duration.fromInputUnsafe(patience)),
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => hosted.stop()))
    const device: VirtioDevice = {
      name,
      option: `virtio_uml.device=${path}:${id}`,
      bus: hosted.bus,
      features: () => hosted.features,
      ended: hosted.ended,
    }
    return { device, hosted }
  })
