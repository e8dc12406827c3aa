/**
 * Models of three devices: a timer, a disk, and a UART. They are examples of how devices
 * are made, and good enough to build on.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { OptionError } from "../core/Fault.ts"
import { FOREVER } from "../core/Nanos.ts"
import type { GuestClock } from "../GuestClock.ts"
import { diskModel, type DiskOptions, type DiskRequest, type DiskResponse } from "../internal/simulation/DiskModel.ts"
import { LONGEST } from "../internal/simulation/ServiceLine.ts"
import { badNanos, badWhole } from "../internal/services/Checks.ts"
import * as Device from "./Device.ts"

export type { DiskOptions, DiskRequest, DiskResponse } from "../internal/simulation/DiskModel.ts"

/**
 * The timer's registers.
 *
 * @since 0.1.0
 * @category models
 */
export type TimerRegister = "PERIOD" | "CONTROL" | "COUNT" | "STATUS"

/**
 * CONTROL: the timer runs.
 *
 * @since 0.1.0
 * @category constants
 */
export const TIMER_RUN = 1n
/**
 * CONTROL: it begins again when it has gone off.
 *
 * @since 0.1.0
 * @category constants
 */
export const TIMER_PERIODIC = 2n

/**
 * A timer. PERIOD is in ns, from 0 to 2^63 − 1; writing {@link TIMER_RUN} to CONTROL starts it, with
 * {@link TIMER_PERIODIC} again and again, without drift; 0 stops it. When it goes off, it
 * interrupts, and STATUS is 1 until something is written there. COUNT is how many ns are left.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Mode, VirtualTime } from "guest-clock"
 * import { Devices } from "guest-clock/simulation"
 *
 * const program = Effect.gen(function*() {
 *   const timer = yield* Devices.timer("timer")
 *   yield* timer.irq.onInterrupt(({ now }) => console.log(now))
 *   yield* timer.write("PERIOD", 1_000_000n)
 *   yield* timer.write("CONTROL", Devices.TIMER_RUN)
 *   yield* Effect.sleep("10 millis")
 * })
 * await Effect.runPromise(Effect.provide(VirtualTime.run(program), Mode.infCpu())) // 1000000n
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const timer = (
  name: string,
  options?: Device.AccessOptions,
): Effect.Effect<Device.Registers<TimerRegister>, never, GuestClock> =>
  Device.registers(name, ({ now, after, irq }) => {
    let [period, control, due] = [0n, 0n, 0n]
    let stop = () => {}
    const arm = (at: bigint) => {
      due = at
      stop = after(due - now(), () => {
        irq.raise()
        if ((control & TIMER_PERIODIC) !== 0n && period > 0n) arm(due + period)
        else control = 0n
      })
    }
    return {
      PERIOD: {
        read: () => period,
        write: (value) => {
          const bad = badNanos(`PERIOD of ${name}`, value, 0n, FOREVER)
          if (bad !== undefined) throw bad
          period = value
        },
      },
      CONTROL: {
        read: () => control,
        write: (value) => {
          stop()
          control = value & (TIMER_RUN | TIMER_PERIODIC)
          if ((control & TIMER_RUN) !== 0n) arm(now() + period)
        },
      },
      COUNT: { read: () => (control & TIMER_RUN) === 0n ? 0n : due - now() },
      STATUS: { read: () => irq.isRaised() ? 1n : 0n, write: () => irq.lower() },
    }
  }, options)

/**
 * A disk with an arm that moves from track to track, and a platter that turns all the time.
 *
 * @since 0.1.0
 * @category constructors
 */
export const disk = (
  name: string,
  options: DiskOptions = {},
): Effect.Effect<Device.Server<DiskRequest, DiskResponse>, OptionError, GuestClock> => {
  const model = diskModel(name, options)
  return model instanceof OptionError ? Effect.fail(model) : Device.server(name, model)
}

/**
 * The UART's registers.
 *
 * @since 0.1.0
 * @category models
 */
export type UartRegister = "DATA" | "STATUS" | "CONTROL"

/**
 * STATUS: a byte has arrived that DATA hasn't been read for.
 *
 * @since 0.1.0
 * @category constants
 */
export const UART_RECEIVED = 1n
/**
 * STATUS: there is room for a byte to be sent.
 *
 * @since 0.1.0
 * @category constants
 */
export const UART_ROOM = 2n
/**
 * STATUS: a byte arrived when there was no room, and is lost; until STATUS is written to.
 *
 * @since 0.1.0
 * @category constants
 */
export const UART_OVERRUN = 4n
/**
 * CONTROL: interrupts when a byte arrives.
 *
 * @since 0.1.0
 * @category constants
 */
export const UART_ON_RECEIVED = 1n
/**
 * CONTROL: interrupts when there is room for a byte again.
 *
 * @since 0.1.0
 * @category constants
 */
export const UART_ON_ROOM = 2n

/**
 * The options of a UART.
 *
 * @since 0.1.0
 * @category models
 */
export interface UartOptions extends Device.AccessOptions {
  /** Bits a second, of which a byte takes 10: a whole number, 1 or more. Default: 115,200. */
  readonly baud?: number
  /** Bytes that wait to be sent, and that wait to be read. Default: 16. */
  readonly fifo?: number
}

/**
 * A UART, and its wires.
 *
 * @since 0.1.0
 * @category models
 */
export interface Uart extends Device.Registers<UartRegister> {
  /** What becomes of each byte that has been sent, when its last bit has left. */
  readonly onSent: (listener: (byte: number) => void) => void
  /** A byte's last bit arrives: from 0 to 255, and another number is thrown as an `OptionError`. */
  readonly arrive: (byte: number) => void
}

/**
 * A UART: a serial port with buffers for 16 bytes in either direction.
 *
 * @since 0.1.0
 * @category constructors
 */
export const uart = (name: string, options: UartOptions = {}): Effect.Effect<Uart, OptionError, GuestClock> => {
  const { baud = 115_200, fifo = 16, accessTime = 0n } = options
  const bad = badNanos("accessTime", accessTime, 0n, LONGEST)
  if (bad !== undefined) return Effect.fail(bad)
  for (const [option, given] of [["baud", baud], ["fifo", fifo]] as const) {
    if (!Number.isSafeInteger(given) || given < 1) {
      return Effect.fail(new OptionError(option, given, "it is a whole number, 1 or more"))
    }
  }
  // To the ns, without an error that adds up: a byte ends when its last bit does.
  const timeOf = (bytes: bigint) => bytes * 10_000_000_000n / BigInt(baud)
  let listener = (_byte: number) => {}
  let arrive = (_byte: number) => {}
  const made = Device.registers<UartRegister>(name, ({ now, after, irq }) => {
    const sending: Array<number> = []
    const received: Array<number> = []
    let [control, overrun, began, sent, isSending] = [0n, 0n, 0n, 0n, false]
    const interrupt = (cause: bigint) => {
      if ((control & cause) === 0n) return
      irq.raise()
      irq.lower()
    }
    const sendNext = () => {
      if (sending.length === 0) {
        isSending = false
        return
      }
      if (!isSending) [began, sent, isSending] = [now(), 0n, true]
      after(began + timeOf(++sent) - now(), () => {
        const wasFull = sending.length === fifo
        listener(sending.shift()!)
        if (wasFull) interrupt(UART_ON_ROOM)
        sendNext()
      })
    }
    arrive = (byte) => {
      const bad = badWhole(`a byte that arrives at ${name}`, byte, 0, 255)
      if (bad !== undefined) throw bad
      if (received.length === fifo) overrun = UART_OVERRUN
      else {
        received.push(byte)
        interrupt(UART_ON_RECEIVED)
      }
    }
    return {
      DATA: {
        read: () => BigInt(received.shift() ?? 0),
        // What there is no room for is lost, as STATUS has said.
        write: (value) => {
          if (sending.length === fifo) return
          sending.push(Number(value & 0xffn))
          if (!isSending) sendNext()
        },
      },
      STATUS: {
        read: () => (received.length > 0 ? UART_RECEIVED : 0n) | (sending.length < fifo ? UART_ROOM : 0n) | overrun,
        write: () => {
          overrun = 0n
        },
      },
      CONTROL: {
        read: () => control,
        write: (value) => {
          control = value & (UART_ON_RECEIVED | UART_ON_ROOM)
        },
      },
    }
  }, options)
  return Effect.map(made, (registers) => ({
    ...registers,
    onSent: (next) => {
      listener = next
    },
    arrive: (byte) => arrive(byte),
  }))
}
