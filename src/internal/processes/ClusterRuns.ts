/**
 * Runs of an experiment as messages of `effect/cluster`, each keyed by what defines the run, so that it is done once
 * and its answer is stored.
 *
 * @module
 */
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as ClusterSchema from "effect/cluster/ClusterSchema"
import * as Entity from "effect/cluster/Entity"
import type * as MessageStorage from "effect/cluster/MessageStorage"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as RunnerHealth from "effect/cluster/RunnerHealth"
import * as Runners from "effect/cluster/Runners"
import type * as RunnerStorage from "effect/cluster/RunnerStorage"
import type { Sharding } from "effect/cluster/Sharding"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as SocketRunner from "effect/cluster/SocketRunner"
import * as SqlMessageStorage from "effect/cluster/SqlMessageStorage"
import * as SqlRunnerStorage from "effect/cluster/SqlRunnerStorage"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Schema from "effect/Schema"
import type { SocketServerError } from "effect/socket/SocketServer"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { createHash } from "node:crypto"
import * as Fs from "node:fs"
import { Tagged } from "../core/Tagged.ts"
import * as Sqlite from "../platform/Sqlite.ts"

/**
 * The storage isn't what it should be, or what it takes isn't installed.
 *
 * @since 0.1.0
 * @category errors
 */
export class StorageFailed extends Tagged<"StorageFailed"> {
  constructor(why: string, options?: ErrorOptions) {
    super("StorageFailed", why, options)
  }
}

/** What a run failed with. */
const Failed = Schema.TaggedStruct("Failed", { why: Schema.String })

/** The request to do a run. Its key is made of what defines the run, so that a second request gets the first one's result. */
const Do = Rpc.make("Do", {
  payload: { key: Schema.String, order: Schema.String },
  success: Schema.String,
  error: Failed,
  primaryKey: ({ key }) => key,
}).annotate(ClusterSchema.Persisted, true)

/** A run. */
export const Runs = Entity.make("Run", [Do])

/** A short name for any text, always the same. */
export const digest = (...texts: ReadonlyArray<string>): string => {
  const hash = createHash("sha256")
  for (const text of texts) hash.update(JSON.stringify(text))
  return hash.digest("hex").slice(0, 16)
}

/**
 * What tables of an experiment begin with: by its name and the text of its module, so that runs of another version are never
 * mixed with these.
 */
export const prefixOf = (experiment: string, module: string): Effect.Effect<string, StorageFailed> =>
  Effect.try({
    try: () => `gc_${digest(experiment, Fs.readFileSync(new URL(module), "utf8"))}`,
    catch: (cause) =>
      new StorageFailed(`${module} can't be read: ${cause instanceof Error ? cause.message : cause}`, { cause }),
  })

/** The database at an address. */
const sqlAt = (storage: string): Layer.Layer<SqlClient, SqlError | StorageFailed> => {
  if (!/^postgres(?:ql)?:\/\//.test(storage)) return Sqlite.layer(storage.replace(/^sqlite:/, ""))
  return Layer.unwrap(Effect.map(
    Effect.tryPromise({
      try: () => import("@effect/sql-pg/PgClient"),
      catch: (cause) => new StorageFailed("for PostgreSQL install the package @effect/sql-pg@4", { cause }),
    }),
    (PgClient) => PgClient.layer({ url: Redacted.make(storage), applicationName: "guest-clock" }),
  ))
}

/** How soon things are noticed: a runner that joins, and one that is gone. */
const config = (
  address: RunnerAddress.RunnerAddress | undefined,
): Partial<ShardingConfig.ShardingConfig["Service"]> => ({
  runnerAddress: Option.fromUndefinedOr(address),
  shardsPerGroup: 100,
  shardLockRefreshInterval: "2 seconds",
  shardLockExpiration: "10 seconds",
  refreshAssignmentsInterval: "1 second",
  runnerHealthCheckInterval: "2 seconds",
  entityMessagePollInterval: "1 second",
  entityReplyPollInterval: "200 millis",
  // One that has to end gives its runs to others, and doesn't wait for them.
  entityTerminationTimeout: "1 second",
})

/** Where messages, answers and runners are stored. */
const storages = (storage: string, prefix: string) =>
  Layer.mergeAll(
    SqlMessageStorage.layerWith({ prefix }).pipe(Layer.provide(NodeCrypto.layerDigest)),
    SqlRunnerStorage.layerWith({ prefix }),
  ).pipe(Layer.provide(sqlAt(storage))) as Layer.Layer<
    MessageStorage.MessageStorage | RunnerStorage.RunnerStorage,
    SqlError | StorageFailed,
    ShardingConfig.ShardingConfig
  >

/** The layer of a process that only requests runs. */
export const client = (storage: string, prefix: string): Layer.Layer<Sharding, SqlError | StorageFailed> =>
  SocketRunner.layerClientOnly.pipe(
    Layer.provide(NodeClusterSocket.layerClientProtocol),
    Layer.provide(storages(storage, prefix)),
    Layer.provide(ShardingConfig.layer(config(undefined))),
    Layer.provide(RpcSerialization.layerSchemaBinary()),
  ) as Layer.Layer<Sharding, SqlError | StorageFailed>

/** Where a runner listens for others. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** The layer of a runner: a process that does runs. */
export const runner = (
  storage: string,
  prefix: string,
  { host, port }: Address,
): Layer.Layer<Sharding, SqlError | StorageFailed | SocketServerError> =>
  SocketRunner.layer.pipe(
    Layer.provide([NodeClusterSocket.layerSocketServer, NodeClusterSocket.layerClientProtocol]),
    Layer.provide(RunnerHealth.layerPing.pipe(
      Layer.provide(Runners.layerRpc),
      Layer.provide(NodeClusterSocket.layerClientProtocol),
    )),
    Layer.provide(storages(storage, prefix)),
    Layer.provide(ShardingConfig.layer(config(RunnerAddress.make(host, port)))),
    Layer.provide(RpcSerialization.layerSchemaBinary()),
  ) as Layer.Layer<Sharding, SqlError | StorageFailed | SocketServerError>
