/**
 * The error of a kernel that breaks a rule of virtio or vhost-user, upon which its device disconnects it.
 *
 * @module
 */
import { Tagged } from "../core/Tagged.ts"
import type { Rule } from "../virtio/Violation.ts"

export type { Rule } from "../virtio/Violation.ts"

/**
 * A kernel has broken a rule of virtio or vhost-user, so its device has hung up on it. Nobody else notices.
 *
 * @since 0.2.0
 * @category errors
 */
export class DeviceFault extends Tagged<"DeviceFault"> {
  /** The device's name. */
  readonly device: string
  readonly rule: Rule
  /** What the kernel did, and what is allowed. */
  readonly detail: string
  constructor(device: string, rule: Rule, detail: string) {
    super("DeviceFault", `the kernel of the device ${JSON.stringify(device)} broke a rule, ${rule}: ${detail}`)
    this.device = device
    this.rule = rule
    this.detail = detail
  }
}
