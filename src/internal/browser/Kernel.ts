/**
 * Kernels as guests in a browser: there are none.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { OptionError } from "../../core/Fault.ts"
import type { Options } from "../simulation/KernelOptions.ts"

/** Fails with an `OptionError`. */
export const program = ({ kernel }: Options): Effect.Effect<never, OptionError> =>
  Effect.fail(new OptionError("kernel", kernel, "a browser runs no kernels"))
