/**
 * Measures one runner of a durable fleet on Postgres, and the same fleet in memory: heap per call, CPU, the delay of
 * endings, and how long it takes to add 100,000 calls. Needs Postgres (on Debian: `apt-get install postgresql`).
 */
import { DurableFleet, Fleet, FleetBudget, FleetMigrations, FleetRunner } from "@effect-exotel/cluster"
import * as PostgresSignals from "@effect-exotel/cluster/FleetSignals/Postgres"
import { ExotelCalls } from "@effect-exotel/core"
import { FakeExotel } from "@effect-exotel/testing"
import { CallWatch } from "@effect-exotel/watch"
import { SingleRunner } from "@effect/cluster"
import { NodeHttpClient, NodeRuntime } from "@effect/platform-node"
import { SqlClient } from "@effect/sql"
import { PgClient } from "@effect/sql-pg"
import { Console, Effect, Either, Fiber, Layer, Logger, LogLevel, Mailbox, Redacted, Stream } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { findPostgres, startPostgres } from "../../scripts/lib/postgres.mjs"
import { percentile } from "./lib/callCenter.ts"
import { endsAfter } from "./lib/manyCalls.ts"
import { smoke, table } from "./lib/measure.ts"

const REQUESTS_PER_MINUTE = 12_000

const policy = { cadence: "10 seconds" } as const

const fleet = Either.getOrThrow(Fleet.make({ name: "benchmark", policies: { default: policy } }))

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

const heapBytes = Effect.sync(() => {
  collect()
  collect()
  return process.memoryUsage().heapUsed
})

const cores = Effect.sync(() => ({ cpu: process.cpuUsage(), at: performance.now() }))

interface Size {
  readonly calls: number
  /** The period in which they end, in milliseconds after they were placed. */
  readonly from: number
  readonly to: number
}

/** The fake in its own process, so that its CPU is not counted. */
const exotel = ({ calls, from, to }: Size) =>
  Effect.acquireRelease(
    Effect.promise(() => {
      const child = spawn(
        process.execPath,
        [fileURLToPath(new URL("./lib/manyCalls.mjs", import.meta.url))],
        {
          env: { ...process.env, CALLS: String(calls), FROM: String(from), TO: String(to) },
          stdio: ["ignore", "pipe", "inherit"]
        }
      )
      return new Promise<{ child: typeof child; baseUrl: string; placedAt: number }>((resolve) => {
        child.stdout.on("data", (text) => {
          const [, baseUrl, placedAt] = /READY (\S+) (\d+)/.exec(String(text)) ?? []
          if (baseUrl !== undefined) resolve({ child, baseUrl, placedAt: Number(placedAt) })
        })
      })
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

const Watch = (baseUrl: string) => {
  const { accountSid, apiKey, apiToken } = FakeExotel.defaultAccount
  return CallWatch.layer.pipe(
    Layer.provide(ExotelCalls.layerWithBudget({ accountSid, apiKey, apiToken, baseUrl })),
    Layer.provide(NodeHttpClient.layerUndici),
    Layer.provideMerge(FleetBudget.layer({ requestsPerMinute: REQUESTS_PER_MINUTE }))
  )
}

interface Figures {
  readonly heapPerCall: number
  readonly cores: number
  readonly delays: ReadonlyArray<number>
}

/**
 * Measures while the calls are watched: the heap after half of them were added and polled for a while, when all code is
 * compiled and all connections are in use, and after the others; the CPU until the first one ends.
 */
const measure = <E, R>(
  size: Size,
  placedAt: number,
  /** Adds calls until that many are watched. */
  addUpTo: (count: number) => Effect.Effect<void, E, R>,
  endings: Effect.Effect<ReadonlyArray<readonly [sid: string, at: number]>, E, R>
): Effect.Effect<Figures, E, R> =>
  Effect.gen(function*() {
    const half = size.calls / 2
    yield* addUpTo(half)
    yield* Effect.sleep(size.from / 6)
    const before = yield* heapBytes
    yield* addUpTo(size.calls)
    const heapPerCall = ((yield* heapBytes) - before) / (size.calls - half)
    const begin = yield* cores
    yield* Effect.sleep(Math.max(1000, placedAt + size.from - Date.now()))
    const end = yield* cores
    const micros = end.cpu.user + end.cpu.system - begin.cpu.user - begin.cpu.system
    const delays = (yield* endings).map(([sid, at]) =>
      (at - placedAt - endsAfter(Number(sid.slice(1)), size.calls, size.from, size.to)) / 1000
    )
    return { heapPerCall, cores: micros / 1000 / (end.at - begin.at), delays: delays.sort((a, b) => a - b) }
  })

const sidsOf = ({ calls }: Size) => Array.from({ length: calls }, (_, i) => `c${i}`)

const inMemory = (size: Size) =>
  Effect.gen(function*() {
    const { baseUrl, placedAt } = yield* exotel(size)
    return yield* Effect.gen(function*() {
      const watch = yield* CallWatch.CallWatch
      const { budget } = yield* FleetBudget.FleetBudget
      yield* budget.setShare(REQUESTS_PER_MINUTE, "1 day")
      const ended: Array<readonly [string, number]> = []
      let added = 0
      const sids = sidsOf(size)
      const source = yield* Mailbox.make<string>()
      const fiber = yield* Effect.fork(Stream.runForEach(watch.fleet(Mailbox.toStream(source), policy), (event) =>
        Effect.sync(() => {
          if (event._tag === "Added") added += 1
          if (event._tag === "Ended") ended.push([event.sid, event.at.epochMillis])
        })))
      const addUpTo = (count: number) =>
        Effect.gen(function*() {
          yield* source.offerAll(sids.slice(added, count))
          while (added < count) {
            yield* Effect.sleep("100 millis")
          }
        })
      const endings = Effect.zipRight(source.end, Effect.as(Fiber.join(fiber), ended))
      return yield* measure(size, placedAt, addUpTo, endings)
    }).pipe(Effect.provide(Watch(baseUrl)))
  }).pipe(Effect.scoped)

const onPostgres = (size: Size, url: string) =>
  Effect.gen(function*() {
    const { baseUrl, placedAt } = yield* exotel(size)
    const Live = Layer.merge(DurableFleet.layer(fleet), FleetRunner.layer(fleet)).pipe(
      Layer.provide(Watch(baseUrl)),
      Layer.provide(SingleRunner.layer({ runnerStorage: "memory" })),
      Layer.provide(PostgresSignals.layer),
      Layer.provide(FleetMigrations.layer),
      Layer.provideMerge(PgClient.layer({ url: Redacted.make(url), maxConnections: 6 }))
    )
    return yield* Effect.gen(function*() {
      const client = yield* DurableFleet.DurableFleet
      const sql = yield* SqlClient.SqlClient
      const count = (condition: string) =>
        Effect.map(
          sql<{ n: number }>`SELECT count(*)::int AS n FROM exotel_call
            WHERE fleet = ${fleet.name} AND ${sql.literal(condition)}`,
          ([row]) => row?.n ?? 0
        )
      yield* Effect.repeat(Effect.delay(client.status, "1 second"), {
        until: ({ length }) => length === fleet.partitions
      })
      const sids = sidsOf(size)
      const addUpTo = (total: number) =>
        Effect.gen(function*() {
          yield* client.add(sids.slice(0, total))
          // On a slow machine a call may have ended before it was first written.
          const watched = count("(token IS NOT NULL OR over_at IS NOT NULL)")
          yield* Effect.repeat(Effect.delay(watched, "500 millis"), { until: (n) => n === total })
        })
      const endings = Effect.gen(function*() {
        yield* Effect.repeat(Effect.delay(count("over_at IS NULL"), "1 second"), { until: (n) => n === 0 })
        const rows = yield* sql<{ sid: string; at: string }>`SELECT sid, at FROM exotel_event WHERE tag = 'Ended'`
        return rows.map(({ at, sid }) => [sid, Number(at)] as const)
      })
      const figures = yield* measure(size, placedAt, addUpTo, endings)
      const [disk] = yield* sql<{ bytes: number }>`
        SELECT (pg_total_relation_size('exotel_event') / ${size.calls}
          + pg_total_relation_size('exotel_call') / (SELECT count(*) FROM exotel_call))::int AS bytes`
      return { ...figures, diskPerCall: disk?.bytes ?? NaN }
    }).pipe(Effect.provide(Live))
  }).pipe(Effect.scoped)

/** Without a runner, in batches of 2,000. */
const adding = (count: number, url: string) =>
  Effect.gen(function*() {
    const client = yield* DurableFleet.DurableFleet
    const begin = performance.now()
    for (let i = 0; i < count; i += 2000) {
      yield* client.add(Array.from({ length: Math.min(2000, count - i) }, (_, k) => `d${i + k}`))
    }
    return (performance.now() - begin) / 1000
  }).pipe(Effect.provide(
    DurableFleet.layer({ ...fleet, name: "adding" }).pipe(
      Layer.provide(PostgresSignals.layer),
      Layer.provide(FleetMigrations.layer),
      Layer.provide(PgClient.layer({ url: Redacted.make(url), maxConnections: 4 }))
    )
  ))

const program = Effect.gen(function*() {
  if (findPostgres() === undefined) return yield* Console.log("Skipped: Postgres is not installed.")
  const short = yield* smoke
  const size: Size = short ? { calls: 200, from: 8000, to: 12_000 } : { calls: 20_000, from: 60_000, to: 120_000 }
  const count = short ? 2000 : 100_000
  const { url } = yield* Effect.acquireRelease(Effect.promise(startPostgres), ({ remove }) => Effect.promise(remove))
  const seconds = yield* adding(count, url)
  const memory = yield* inMemory(size)
  const postgres = yield* onPostgres(size, url)
  const row = (name: string, { cores, delays, heapPerCall }: Figures, disk: string) => [
    name,
    heapPerCall.toFixed(0),
    cores.toFixed(2),
    `${percentile(delays, 0.5).toFixed(1)} / ${percentile(delays, 0.95).toFixed(1)}`,
    String(delays.length),
    disk
  ]
  yield* Console.log(`${size.calls} calls, each polled every 10 s, ${REQUESTS_PER_MINUTE} requests a minute\n`)
  yield* Console.log(table(
    ["fleet", "heap per call, B", "cores", "ended after p50 / p95, s", "endings", "disk per call, B"],
    [row("in memory", memory, ""), row("on Postgres", postgres, String(postgres.diskPerCall))]
  ))
  yield* Console.log(`\n${count} calls were added in ${seconds.toFixed(1)} s.`)
  if (postgres.delays.length !== size.calls) return yield* Effect.dieMessage("Endings are missing, or stored twice.")
})

Effect.scoped(program).pipe(Effect.provide(Logger.minimumLogLevel(LogLevel.Warning)), NodeRuntime.runMain)
