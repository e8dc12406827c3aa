/**
 * A file of SQLite as Effect's `SqlClient`, by `node:sqlite`, which is in Node, Bun and Deno. Effect's own client for it
 * hasn't been published for Effect 4.1 yet.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as SqlClient from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"
import { classifySqliteError, SqlError } from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import * as Stream from "effect/Stream"
import type { DatabaseSync, SQLInputValue } from "node:sqlite"

/** For how long other processes that write are waited for, in ms. */
const BUSY_MS = 10_000

const reasonOf = (cause: unknown, operation: string): SqlError => {
  const code = (cause as { readonly errcode?: unknown }).errcode
  const told = typeof code === "number" ? Object.assign(cause as object, { errno: code }) : cause
  return new SqlError({ reason: classifySqliteError(told, { message: `Failed to ${operation}`, operation }) })
}

const connect = (db: DatabaseSync): Connection => {
  const run = (sql: string, params: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<Row>, SqlError> =>
    Effect.withFiber((fiber) =>
      Effect.try({
        try: () => {
          const statement = db.prepare(sql)
          statement.setReadBigInts(Context.get(fiber.context, SqlClient.SafeIntegers))
          return statement.all(...params as Array<SQLInputValue>) as ReadonlyArray<Row>
        },
        catch: (cause) => reasonOf(cause, "execute"),
      })
    )
  const execute: Connection["execute"] = (sql, params, transform) =>
    Effect.map(run(sql, params), (rows) => transform === undefined ? rows : transform(rows as ReadonlyArray<object>))
  const values: Connection["executeValues"] = (sql, params) =>
    Effect.map(run(sql, params), (rows) => rows.map((row) => Object.values(row)))
  return {
    execute,
    executeUnprepared: execute,
    executeRaw: run,
    executeValues: values,
    executeValuesUnprepared: values,
    executeStream: () => Stream.die(new Error("nothing is streamed")),
  }
}

type Row = { readonly [column: string]: unknown }

const make = (path: string): Effect.Effect<SqlClient.SqlClient, SqlError, Scope.Scope | Reactivity.Reactivity> =>
  Effect.gen(function* () {
    const db = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: async () => {
          const { DatabaseSync } = await import("node:sqlite")
          const db = new DatabaseSync(path)
          db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
          db.exec("PRAGMA journal_mode = WAL")
          return db
        },
        catch: (cause) => reasonOf(cause, `open ${path}`),
      }),
      (db) => Effect.sync(() => db.close()),
    )
    const connection = connect(db)
    const one = Semaphore.makeUnsafe(1)
    const acquirer = one.withPermit(Effect.succeed(connection))
    const transactionAcquirer = Effect.uninterruptibleMask((restore) => {
      const scope = Context.getUnsafe(Fiber.getCurrent()!.context, Scope.Scope)
      return Effect.as(
        Effect.tap(restore(one.take(1)), () => Scope.addFinalizer(scope, one.release(1))),
        connection,
      )
    })
    return yield* SqlClient.make({
      acquirer,
      transactionAcquirer,
      compiler: Statement.makeCompilerSqlite(),
      driver: "sqlite-node",
      // Who begins to write waits for others at once: a lock that is upgraded later fails instead.
      beginTransaction: "BEGIN IMMEDIATE",
      spanAttributes: [["db.system.name", "sqlite"]],
    })
  })

/** The database in a file, which is made if there is none. */
export const layer = (path: string): Layer.Layer<SqlClient.SqlClient, SqlError> =>
  Layer.effect(SqlClient.SqlClient, make(path)).pipe(Layer.provide(Reactivity.layer))
