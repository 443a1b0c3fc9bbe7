/**
 * Measures the CPU time of a request to the fake Exotel with 10, 1,000 and 10,000 scripted calls, and the memory of a
 * call. Times are CPU time of this process, since other programs may share the machine.
 */
import { ExotelCalls, RequestBudget } from "@effect-exotel/core"
import type { CallSid } from "@effect-exotel/core"
import { CallScript, FakeExotel } from "@effect-exotel/testing"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Duration, Effect } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { median, smoke, table } from "./lib/measure.ts"

const sizes = [10, 1_000, 10_000] as const

/** Mean CPU microseconds of one run. */
const cpuMicros = <A, E, R>(times: number, run: (i: number) => Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const before = process.cpuUsage()
    for (let i = 0; i < times; i++) yield* run(i)
    const { system, user } = process.cpuUsage(before)
    return (user + system) / times
  })

const place = (size: number) =>
  Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    return yield* Effect.forEach(
      Array.from({ length: size }),
      (_, i) => fake.place(CallScript.answered({ talk: Duration.seconds(i) }))
    )
  })

const measure = (size: number, requests: number) =>
  Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    const http = HttpClient.withTracerDisabledWhen(yield* HttpClient.HttpClient, () => true)
    const calls = yield* Effect.provide(ExotelCalls.make(fake.options), RequestBudget.layerMemory(fake.options))
    const sids: ReadonlyArray<CallSid.CallSid> = yield* place(size)
    const sidAt = (i: number) => sids[(i * 7919) % sids.length] ?? ""
    const send = (path: string) =>
      Effect.flatMap(
        http.execute(
          HttpClientRequest.get(`${fake.baseUrl}/v1/Accounts/acme1m${path}`).pipe(
            HttpClientRequest.basicAuth(fake.options.apiKey, fake.options.apiToken)
          )
        ),
        (response) => response.text
      )
    const rounds = { wire: [] as Array<number>, xml: [] as Array<number>, read: [] as Array<number> }
    // The first round is the warm-up.
    for (let round = 0; round < 4; round++) {
      const wire = yield* cpuMicros(requests, (i) => send(`/Calls/${sidAt(i)}.json?details=true`))
      const xml = yield* cpuMicros(requests, (i) => send(`/Calls/${sidAt(i)}?details=true`))
      const read = yield* cpuMicros(requests, (i) => calls.getWithDetails(sidAt(i)))
      if (round === 0) continue
      rounds.wire.push(wire)
      rounds.xml.push(xml)
      rounds.read.push(read)
    }
    return [
      size.toLocaleString("en"),
      ...[rounds.wire, rounds.xml, rounds.read].map((times) => median(times).toFixed(0))
    ]
  }).pipe(Effect.provide(FakeExotel.layerHttpClient({ requestsPerMinute: Infinity, journalLimit: 1_000 })))

setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")

const heap = Effect.sync(() => {
  collectGarbage()
  collectGarbage()
  return process.memoryUsage().heapUsed
})

/** Memory of a call besides its script, which all calls share. */
const bytesPerCall = Effect.gen(function*() {
  const fake = yield* FakeExotel.FakeExotel
  const script = CallScript.answered()
  const count = 10_000
  yield* fake.place(script)
  const before = yield* heap
  for (let i = 0; i < count; i++) yield* fake.place(script)
  return ((yield* heap) - before) / count
}).pipe(Effect.provide(FakeExotel.layer()))

const program = Effect.gen(function*() {
  const requests = (yield* smoke) ? 20 : 2_000
  const rows = yield* Effect.forEach(sizes, (size) => measure(size, requests))
  yield* Console.log("CPU microseconds per request to the fake wire (median of 3 rounds)\n")
  yield* Console.log(table(["scripted calls", "JSON, bare", "XML, bare", "through ExotelCalls"], rows))
  yield* Console.log(`\nMemory per call besides its script: ${(yield* bytesPerCall).toFixed(0)} bytes`)
})

NodeRuntime.runMain(program)
