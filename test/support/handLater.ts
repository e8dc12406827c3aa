/**
 * The core of a later revision driven by hand, as {@link Hand} drives the first: what waits for interrupts to be on
 * is done when they are (SPEC 11.1), and what arrived in an exchange at its end (11.3).
 *
 * @module
 */
import type * as Command from "../../src/core/Command.ts"
import { isFault } from "../../src/core/Fault.ts"
import * as Guest from "../../src/core/Guest.ts"
import { Op as MessageOp } from "../../src/core/Message.ts"
import type * as Message from "../../src/core/Message.ts"
import type { Nanos } from "../../src/core/Nanos.ts"
import { type CoreEvent, describeLaterState, Failed, Hand } from "./hand.ts"
import type { Op } from "./world.ts"

export class LaterHand extends Hand {
  #blocked = false
  #arrived: Array<number> = []
  #seesToArrived = false
  /** The masks that `Mask` commands found, for their `Unmask`. */
  readonly #masks: Array<boolean> = []

  #mask(): void {
    this.#masks.push(this.context.masked)
    this.context = { ...this.context, masked: true }
  }

  #unmask(): void {
    if (!this.#masks.pop()!) this.#unmasked()
  }

  #masking(f: () => void): void {
    this.#mask()
    f()
    this.#unmask()
  }

  /** Interrupts go on. */
  #unmasked(): void {
    if (Guest.due(this.state).length > 0) {
      this.context = { masked: true, inInterrupt: true }
      for (let event; (event = Guest.firstDue(this.state)) !== undefined;) {
        this.take(Guest.takeDue(this.state))
        this.#fire(event as CoreEvent)
      }
    }
    this.context = { masked: false, inInterrupt: false }
    for (;;) {
      const { alarm } = this.state.deferred
      if (alarm === "none" && this.#arrived.length === 0) return
      if (alarm !== "none") this.take(Guest.setAlarm(this.state, "none"))
      this.context = { ...this.context, masked: true }
      for (const number of this.#arrived.splice(0)) this.#late(number)
      if (alarm !== "none") this.do(Guest.lateAlarm(this.state, alarm === "real"))
      this.context = { ...this.context, masked: false }
    }
  }

  #fire(event: CoreEvent): void {
    if (event.handler === undefined) return
    this.world.began(`fire ${event.name}`, this.state.now, this.context)
    this.handle(this.program.events[Number(event.name)]!)
  }

  #late(number: number): void {
    this.world.note(`late ${number} ${this.context.masked}`)
    this.handle(this.program.interrupts[number]!)
  }

  protected override command(command: Command.Command): void {
    switch (command._tag) {
      case "Mask":
        return this.#mask()
      case "Unmask":
        return this.#unmask()
      case "Exchange":
        return this.#exchange(command.op, command.time)
      case "Write":
        return this.world.wrote(command.message, this.context.masked, this.#blocked)
      case "AwaitRun":
        while (Guest.isStopped(this.state)) {
          this.#poll()
          this.hear()
        }
        return
      case "AwaitHost": {
        const { context } = this
        if (!context.inInterrupt) this.#unmasked()
        super.command(command)
        this.context = context
        return
      }
      default:
        return super.command(command)
    }
  }

  #exchange(op: number, time: Nanos): void {
    const before = this.#blocked
    this.#blocked = true
    this.do(Guest.beginExchange(this.state, op, time))
    while (Guest.awaitsAck(this.state)) {
      if (op === MessageOp.Start && this.state.settings.revision.pollsForStart) this.#poll()
      this.hear()
    }
    this.#blocked = before
    if (this.#blocked || this.#seesToArrived || this.#arrived.length === 0) return
    this.#seesToArrived = true
    if (!this.context.masked) this.#masking(() => {})
    for (let number; (number = this.#arrived.shift()) !== undefined;) this.#late(number)
    this.#seesToArrived = false
  }

  protected override hear(): Message.Message {
    const heard = this.world.read(this.context.masked, this.#blocked)
    if (!("message" in heard)) {
      throw new Failed(
        heard.leftover === 0 ? { _tag: "LinkBroken" } : { _tag: "InvalidMessage", bytes: heard.leftover },
      )
    }
    this.#arrived.push(...heard.arrived ?? [])
    this.do(Guest.handleMessage(this.state, heard.message as Message.Message))
    return heard.message
  }

  #poll(): void {
    for (;;) {
      const polled = this.world.poll(false, this.context.masked, this.#blocked)
      if (typeof polled !== "number") return
      this.handle(this.program.interrupts[polled]!)
      this.world.interruptEnded()
    }
  }

  override exec(op: Op): void {
    this.readHost()
    switch (op[0]) {
      case "delete": {
        const event = this.events[op[1]]!
        const isPending = Guest.isPending(this.state, event)
        if (isPending) this.#masking(() => this.take(Guest.deleteEvent(this.state, event)))
        return this.world.note(`deleted ${isPending}`)
      }
      case "sleep":
        return this.#masking(() => this.do(Guest.sleep(this.state, true)))
      case "readMasked": {
        let cycles = 0n
        this.#masking(() => {
          this.do(Guest.readClockSource(this.state, false))
          cycles = Guest.cycles(this.state)
        })
        return this.world.note(`value ${cycles}`)
      }
      case "wallclock":
        this.do(Guest.readWallClock(this.state, this.world.host as Guest.HostTime))
        return this.world.note(`value ${Guest.wallClock(this.state)}`)
      case "alarm":
        return this.do(Guest.hostAlarm(this.state, this.context.masked))
      case "waitReadable":
        if (!this.state.settings.mode.hasCalendar) return
        while (this.world.poll(true, this.context.masked, this.#blocked) !== "other") this.hear()
        return
      case "broadcast":
        return this.do(Guest.broadcast(this.state, op[1] as Nanos))
      case "enterUser": {
        const fresh = Guest.freshBroadcast(this.state)
        this.take(Guest.enterUser(this.state))
        return fresh === undefined ? undefined : this.world.note(`broadcast ${fresh}`)
      }
      default:
        return super.exec(op)
    }
  }

  protected override begin(): void {
    // A later guest asks for its start when it is read: so the option has to be known first.
    const next = Guest.boot(this.state, this.world.host as Guest.HostTime, this.program.start as Nanos | undefined)
    if (isFault(next)) throw new Failed(next)
    this.do(next)
    if (this.state.settings.mode.hasCalendar) this.do(Guest.connect(this.state, this.program.id as Nanos))
  }

  protected override describe(): string {
    return describeLaterState(this.state)
  }
}
