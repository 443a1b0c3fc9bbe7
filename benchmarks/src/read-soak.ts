/** Reads one million times over undici, then 1,000 times from a server that never responds, and shows what is left. */
import { ExotelCalls, RequestBudget, RetryPolicy } from "@effect-exotel/core"
import { NodeHttpClient, NodeRuntime } from "@effect/platform-node"
import { Config, Console, Effect, Redacted } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { smoke, table } from "./lib/measure.ts"
import { readServer } from "./lib/readServer.ts"
import { call } from "./lib/sample.ts"

const CONCURRENCY = 16

setFlagsFromString("--expose-gc")
const gc = runInNewContext("gc") as () => void

const warnings: Array<string> = []
process.on("warning", ({ name }) => void warnings.push(name))

const heapMegabytes = Effect.sync(() => {
  gc()
  return process.memoryUsage().heapUsed / 1e6
})

/** The resources that keep the process alive, by kind. */
const resources = () => process.getActiveResourcesInfo()
const count = (kind: string) => String(resources().filter((resource) => resource === kind).length)

const makeCalls = (baseUrl: string, timeout: string) =>
  ExotelCalls.make({
    apiKey: Redacted.make("key"),
    apiToken: Redacted.make("token"),
    accountSid: call.account,
    baseUrl,
    timeout: timeout === "short" ? "200 millis" : "10 seconds"
  }).pipe(Effect.provide(RequestBudget.layerUnlimited))

const repeat = (read: Effect.Effect<unknown>, times: number, concurrency: number) =>
  Effect.forEach(Array.from({ length: times }), () => read, { concurrency, discard: true })

const program = Effect.gen(function*() {
  const baseUrl = yield* readServer
  const reads = yield* Config.integer("READS").pipe(Config.withDefault((yield* smoke) ? 200 : 1_000_000))
  const calls = yield* makeCalls(`${baseUrl}/chunked`, "long")
  const rows: Array<ReadonlyArray<string>> = []
  const row = (name: string) =>
    Effect.map(
      heapMegabytes,
      (heap) =>
        void rows.push([name, heap.toFixed(1), count("TCPSocketWrap"), count("Timeout"), String(warnings.length)])
    )
  for (let tenth = 1; tenth <= 10; tenth++) {
    yield* repeat(Effect.orDie(calls.getWithDetails(call.sid)), Math.ceil(reads / 10), CONCURRENCY)
    yield* row(`${tenth * Math.ceil(reads / 10)} reads`)
  }
  const silent = yield* makeCalls(`${baseUrl}/silent`, "short")
  const attempts = reads < 1000 ? 50 : 1000
  yield* repeat(
    Effect.provideService(Effect.ignore(silent.getWithDetails(call.sid)), RetryPolicy.RetryPolicy, RetryPolicy.none),
    attempts,
    100
  )
  yield* Effect.sleep("1 second")
  yield* row(`${attempts} attempts without a response`)
  yield* Console.log(table(["after", "heap MB", "sockets", "timers", "warnings"], rows))
})

NodeRuntime.runMain(Effect.scoped(program).pipe(Effect.provide(NodeHttpClient.layerUndici)))
