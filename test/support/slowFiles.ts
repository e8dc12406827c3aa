/**
 * The test files that take more than a few seconds of CPU time, or that need another runtime than Deno: those
 * that take most of it first. All others are quick: `deno task test:quick` leaves these out, and `deno task
 * test` begins with them, so that none is left to run by itself at the end.
 *
 * @module
 */

export const slowFiles: ReadonlyArray<string> = [
  "test/examples.test.ts",
  "test/lockstep.test.ts",
  "test/simulation/worlds.test.ts",
  "test/simulation/same.test.ts",
  "test/simulation/worldFuzz.test.ts",
  "test/simulation/failures.test.ts",
  "test/simulation/hostile.test.ts",
  "test/bench.test.ts",
  "test/inBrowser.test.ts",
  "test/guest-properties.test.ts",
  "test/interrupts-latest.test.ts",
  "test/calendar-properties.test.ts",
  "test/calendar-fanout.test.ts",
  "test/killed.test.ts",
  "test/proxy.test.ts",
  "test/conformance.test.ts",
  "test/sharing.test.ts",
  "test/native.test.ts",
  "test/attack.test.ts",
  "test/sockets.test.ts",
  "test/cli.test.ts",
  "test/cli-output.test.ts",
  "test/requests.test.ts",
  "test/stuck.test.ts",
  "test/moving.test.ts",
  "test/real-time.test.ts",
  "test/simulation/distributions.test.ts",
  "test/devices/virtio-device.test.ts",
  "test/devices/kinds.test.ts",
  "test/devices/lan.test.ts",
  "test/trace/demo.test.ts",
  "test/trace/page.test.ts",
  "test/calendar-control.test.ts",
  "test/docs.test.ts",
  "test/exports.test.ts",
  "test/virtual-time-world.test.ts",
  "test/demo.test.ts",
  "test/simulation/chance.test.ts",
  "test/fuzz.test.ts",
  "test/calendar-rest.test.ts",
  "test/simulation/snapshots.test.ts",
  "test/runtimes.test.ts",
  "test/tls.test.ts",
]
