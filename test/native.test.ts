import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Path from "node:path"
import process from "node:process"
import { beforeAll, describe, expect, it } from "vitest"
import { type Ended, exec, type Words } from "../scripts/exec.ts"
import * as LeftOut from "../scripts/leftOut.ts"
import * as Runtimes from "../scripts/runtimes.ts"
import type { Host } from "../src/internal/platform/native/Backends.ts"
import type { Backend, Functions } from "../src/internal/platform/native/Functions.ts"
import * as Libc from "../src/internal/platform/native/Libc.ts"
import * as Peer from "../src/internal/platform/native/Peer.ts"
import { nameOf } from "../src/internal/platform/native/SyscallError.ts"

const PROGRAM = Path.resolve("test/support/native/main.ts")
const PATIENCE = 120_000

/** Whether this machine is one on which native calls are made. */
const isSupported = process.platform === "linux" && ["x64", "arm64"].includes(process.arch)

const run = (words: Words, ...names: ReadonlyArray<string>): Promise<Ended> =>
  Effect.runPromise(Effect.provide(exec([...words, PROGRAM, ...names]), NodeServices.layer))

const locate = (name: Runtimes.Name): Promise<Words> =>
  Effect.runPromise(Effect.provide(Runtimes.locate(name), NodeServices.layer))

/** What each case found, by its name. */
const found = ({ code, stdout, stderr }: Ended): { readonly [name: string]: unknown } => {
  if (code !== 0) throw new Error(`it ended with ${code}: ${stdout}\n${stderr}`)
  return Object.fromEntries(stdout.trim().split("\n").map((line) => JSON.parse(line) as [string, unknown]))
}

const failed = (syscall: string, code: string) => ["SyscallError", syscall, code]

/** The cases of `test/support/native/cases.ts`, what is promised of each, and what must be found. */
const cases: ReadonlyArray<readonly [promise: string, name: string, expected: unknown]> = [
  ["a call that fails is an error with errno's name, and a bad argument never reaches the system", "errors", {
    nowhere: failed("connect", "ENOENT"),
    inUse: failed("bind", "EADDRINUSE"),
    nobodyThere: failed("connect", "ECONNREFUSED"),
    tooLong: failed("connect", "ENAMETOOLONG"),
    tooLongInUtf8: failed("connect", "ENAMETOOLONG"),
    longest: failed("connect", "ENOENT"),
    empty: failed("connect", "EINVAL"),
    notAFile: failed("connect", "EINVAL"),
    nobodyWaits: failed("accept4", "EAGAIN"),
    closed: failed("accept4", "EBADF"),
    nothingArrived: failed("recvmsg", "EAGAIN"),
    noSuchProcess: failed("pidfd_open", "ESRCH"),
    noProcess: failed("pidfd_open", "EINVAL"),
    noMemory: failed("ftruncate", "EINVAL"),
    emptyMemory: failed("mmap", "EINVAL"),
    longestName: "nothing",
    nameTooLong: failed("memfd_create", "EINVAL"),
    notASocket: failed("sendmsg", "ENOTSOCK"),
    noBytes: failed("sendmsg", "EINVAL"),
    tooManyBytes: failed("sendmsg", "EINVAL"),
    tooManyDescriptors: failed("sendmsg", "EINVAL"),
    badDescriptor: failed("sendmsg", "EBADF"),
    notSealed: ["SharedFileError"],
    notAFileToMap: failed("lseek", "ESPIPE"),
    tooShort: ["SharedFileError"],
    shortest: "nothing",
    longestMemory: "nothing",
    tooLongMemory: ["SharedFileError"],
  }],
  [
    "an error says which call failed, what it was given, and why",
    "message",
    `SyscallError: connect("/nowhere/at all") failed: ENOENT, no such file or directory`,
  ],
  ["memory is one and the same for all who map it, and nobody can shorten or lengthen it", "memory", {
    lengths: [8192, 8192],
    isZero: true,
    seen: ["18364758544493064720", "1"],
    shorten: failed("ftruncate", "EPERM"),
    lengthen: failed("ftruncate", "EPERM"),
  }],
  ["memory, descriptors and libc can't be reached any more once their scope has closed", "afterwards", {
    length: 0,
    descriptor: -1,
    read: "nothing",
    atomically: "TypeError",
    libc: "Error",
  }],
  ["descriptors arrive with the bytes that they were sent with", "descriptors", {
    sent: 3,
    first: [1, 2],
    descriptors: 3,
    rest: [[3, 4], 0],
    seen: 42,
    most: 64,
    end: 0,
    broken: failed("sendmsg", "EPIPE"),
  }],
  ["descriptors for which there is no room are refused as one, and none stays open", "tooMany", {
    result: { result: failed("recvmsg", "EMFILE"), set: 0, restored: 0 },
    descriptors: 0,
    mappings: 0,
  }],
  [
    "a descriptor is closed once, even if its number is another file's by now, or not at all if it was given away",
    "once",
    {
      same: true,
      survives: "/memfd",
      fds: [-1, -1],
      stays: "socket",
      goes: "nothing",
    },
  ],
  ["an interruption leaves no descriptor and no mapping, wherever it comes", "interrupted", {
    result: { steps: 35, ends: 1, fromOutside: true },
    descriptors: 0,
    mappings: 0,
  }],
  ["10,000 clients that come, map the memory and go leave no descriptor and no mapping", "churn", {
    result: { mapped: 10_000 },
    descriptors: 0,
    mappings: 0,
  }],
  ["libc can be opened and closed again and again", "reopened", { grew: false }],
  ["a connection of the runtime's tells the process, the user and the group at its other end", "peers", {
    pid: true,
    user: true,
    group: true,
    destroyed: true,
  }],
  ["a connection of the runtime's can be sent descriptors over, and reads and writes on", "runtimeSocket", {
    words: ["START", "2 descriptors", "thanks"],
    seen: "3",
  }],
  ["a socket can be given to the runtime", "givenAway", { heard: "hi", said: "ho" }],
  ["a process that was killed is seen to be dead though its child holds what it had open", "death", {
    alive: [],
    dead: [1],
    held: true,
  }],
  ["any number of descriptors is looked at, for what can be read and for what has ended", "ready", {
    before: [],
    after: [5, 255, 256, 599],
    ended: [0, 1],
    closed: [1],
    none: [],
  }],
  ["a process is known by its socket: its number, its user, its command, and itself as a descriptor", "identity", {
    pid: true,
    user: true,
    userName: true,
    command: true,
    alive: [],
    dead: [0],
    gone: failed("pidfd_open", "ESRCH"),
  }],
  [
    "who watches a process is told once, in real time, that it is dead, and nobody who has stopped watching is",
    "watch",
    {
      told: ["one", "two"],
      open: true,
    },
  ],
  [
    "a request is seen by who says that nobody runs, or is sent as a message: none is lost between two threads",
    "noneLost",
    {
      rounds: 1000,
      lost: 0,
      both: true,
    },
  ],
  ["each thread has its own errors", "threads", [["EINVAL", "ENOENT"], ["EINVAL", "ENOENT"], ["EINVAL", "ENOENT"]]],
  ["nothing is said where there are native calls", "said", {
    ways: ["native", "native", "native", "native", "native"],
    lines: [],
  }],
]

describe.for(Runtimes.names)("on %s", (runtime) => {
  let results: { readonly [name: string]: unknown } = {}

  beforeAll(async () => {
    if (isSupported) results = found(await run(await locate(runtime), ...cases.map(([, name]) => name)))
  }, PATIENCE)

  it.for(cases)("%s", async ([, name, expected], context) => {
    if (isSupported) expect(results[name]).toEqual(expected)
    else await LeftOut.note(context, `native calls on ${runtime}`, "Linux on x64 or arm64")
  })
})

/** What the case `said` finds where there are no native calls. */
const portable = (why: string) => ({
  ways: ["portable", "portable", "portable", "portable", "portable"],
  lines: [
    `guest-clock: clients share no memory without native calls (no native calls: ${why})`,
    `guest-clock: nobody looks for dead clients without native calls (no native calls: ${why})`,
  ],
})

describe("where there are no native calls", () => {
  it.for<[what: string, words: () => Promise<Words>, why: RegExp]>([
    [
      "Deno without permission for it",
      async () => [(await locate("Deno"))[0], "run", "-q", "--allow-read", "--allow-env", "--allow-sys"],
      /^Deno [\d.]+ needs --allow-ffi for them$/,
    ],
    [
      "Node without permission for it",
      async () => [(await locate("Node"))[0], "--permission", "--allow-fs-read=*"],
      /^Node 26[\d.]+ needs --allow-ffi for them$/,
    ],
    [
      "an older Node",
      () => Effect.runPromise(Effect.provide(Runtimes.oldestNode, NodeServices.layer)),
      /^Node 22[\d.]+ has no node:ffi, which is there from Node 26 on$/,
    ],
  ])("the portable way is taken, and why is said once for each thing: %s", { timeout: PATIENCE }, async (
    [what, words, why],
    context,
  ) => {
    if (!isSupported) return LeftOut.note(context, what, "Linux on x64 or arm64")
    const { said } = found(await run(await words(), "said")) as { readonly said: ReturnType<typeof portable> }
    const reason = /\(no native calls: (.*)\)$/.exec(said.lines[0] ?? "")?.[1]
    expect(reason).toMatch(why)
    expect(said).toEqual(portable(reason!))
  })

  /** A library that isn't what it is taken for. */
  const library = (open: () => Partial<Functions>, onClose: () => void = () => {}): Backend => {
    const memory = new ArrayBuffer(Libc.SCRATCH_BYTES)
    return {
      runtime: "Node",
      open: () => ({
        functions: {
          __errno_location: () => 64n,
          mmap: () => 4096n,
          munmap: () => 0,
          getpid: () => process.pid,
          close: () => -1,
          ...open(),
        } as unknown as Functions,
        intAt: () => 9,
        memoryAt: (_, bytes) => bytes === memory.byteLength ? memory : memory.slice(0, bytes),
        close: onClose,
      }),
    }
  }

  const there: Host = {
    platform: "linux",
    arch: "arm64",
    version: "Node 26.1.0",
    ffi: library(() => ({})),
    lacks: "has none",
    permission: undefined,
  }

  const why = (host: Host) =>
    Effect.runPromise(
      Effect.match(Effect.scoped(Libc.make(host)), {
        onFailure: ({ _tag, reason, message }) => [_tag, reason, message],
        onSuccess: () => "there",
      }),
    )

  const throwing = () => {
    throw new Error("no such file")
  }

  it.for<[reason: string, host: Partial<Host>, message: string]>([
    ["System", { platform: "darwin" }, "they need Linux, and this is darwin"],
    ["System", { platform: "win32", arch: "x64" }, "they need Linux, and this is win32"],
    ["Processor", { arch: "riscv64" }, "they need x64 or arm64, and this is riscv64"],
    ["Processor", { arch: "ia32" }, "they need x64 or arm64, and this is ia32"],
    ["Runtime", { ffi: undefined }, "Node 26.1.0 has none"],
    ["Runtime", { ffi: undefined, permission: "--allow-ffi" }, "Node 26.1.0 has none"],
    ["Permission", { permission: "--allow-ffi" }, "Node 26.1.0 needs --allow-ffi for them"],
    ["Library", { ffi: library(throwing) }, "Node 26.1.0 can't open libc.so.6: no such file"],
    [
      "Library",
      { ffi: library(() => ({ getpid: () => 0 })) },
      `libc.so.6: getpid() returned 0, and this is ${process.pid}`,
    ],
    ["Library", { ffi: library(() => ({ close: () => 0 })) }, "libc.so.6: close(-1) returned 0, with error 9"],
    [
      "Library",
      { ffi: library(() => ({ mmap: () => 0xffff_ffff_ffff_ffffn })) },
      "mmap(65536 bytes of descriptor -1) failed: EBADF, bad file descriptor",
    ],
  ])("that is a value which says why: %s %o", async ([reason, host, message]) => {
    expect(await why({ ...there, ...host })).toEqual(["NativeUnavailable", reason, `no native calls: ${message}`])
  })

  it("a library that fails its trial is unmapped from and closed", async () => {
    const calls: Array<string> = []
    const ffi = library(() => ({
      getpid: () => 0,
      munmap: (address, bytes) => {
        calls.push(`munmap ${address} ${bytes}`)
        return 0
      },
    }), () => void calls.push("close"))
    expect(await why({ ...there, ffi })).toContain("Library")
    expect(calls).toEqual(["munmap 4096 65536", "close"])
  })
})

describe("a process, for people", () => {
  it.for<[text: string, line: string | undefined]>([
    ["node\0main.ts\0--flag\0", "node main.ts --flag"],
    ["", undefined],
    ["\0\0", undefined],
    ["sh\0-c\0echo 'a\nb'\u001b[31m\u202e\0", "sh -c echo 'a b' [31m"],
    ["x".repeat(256), "x".repeat(256)],
    ["x".repeat(257), `${"x".repeat(255)}…`],
  ])("is its command on one line, with nothing that a terminal obeys: %j", ([text, line]) => {
    expect(Peer.commandLine(text)).toBe(line)
  })

  it("is its user's name, or none", () => {
    const passwd = "root:x:0:0:root:/root:/bin/sh\n# a comment\n\nada:x:1000:1000::/:/bin/sh\nbob:x:10:1000:::\n"
    expect([0, 10, 1000, 1, 100].map((user) => Peer.userNameIn(passwd, user))).toEqual([
      "root",
      "bob",
      "ada",
      undefined,
      undefined,
    ])
  })
})

describe("an error number", () => {
  it.for([[1, "EPERM"], [11, "EAGAIN"], [95, "EOPNOTSUPP"], [110, "ETIMEDOUT"], [4095, "errno 4095"]] as const)(
    "has the name that errno(3) has first: %i %s",
    ([number, name]) => expect(nameOf(number)).toBe(process.platform === "linux" ? name : expect.any(String)),
  )
})
