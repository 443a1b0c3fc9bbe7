/**
 * Measures the cost of a read through `ExotelCalls`, compared with bare HTTP clients that read the same response from a
 * server in another process, and over the fake wire. CPU time depends less on other programs than wall time.
 */
import { ExotelCalls, RequestBudget } from "@effect-exotel/core"
import { CallScript, FakeExotel } from "@effect-exotel/testing"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "@effect/platform"
import { NodeHttpClient, NodeRuntime, Undici } from "@effect/platform-node"
import { Console, Effect, type Layer, Redacted } from "effect"
import { allocatedBytes } from "./lib/allocations.ts"
import { interleave, median, ratio, smoke, table, type Times } from "./lib/measure.ts"
import { readServer } from "./lib/readServer.ts"
import { call, pageSids } from "./lib/sample.ts"

const CONCURRENCY = 16
const BARE = "fetch().json()"

const apiKey = Redacted.make("key")
const apiToken = Redacted.make("token")
const authorization = `Basic ${Buffer.from("key:token").toString("base64")}`

type Reads = Readonly<Record<string, Effect.Effect<unknown>>>

const repeat = (read: Effect.Effect<unknown>, count: number) =>
  Effect.forEach(Array.from({ length: count }), () => read, { concurrency: CONCURRENCY, discard: true })

/** Measures each read in alternating rounds. A name that ends in "per call" stands for a read of 100 calls. */
const compare = (title: string, reads: Reads, rounds: number, count: number) =>
  Effect.gen(function*() {
    const wall: Record<string, Array<number>> = {}
    const size = (name: string) => name.endsWith("per call") ? Math.ceil(count / 20) : count
    const calls = (name: string) => name.endsWith("per call") ? size(name) * 100 : count
    const measure = (name: string, read: Effect.Effect<unknown>) =>
      Effect.suspend(() => {
        const start = performance.now()
        const used = process.cpuUsage()
        return Effect.map(repeat(read, size(name)), () => {
          const { system, user } = process.cpuUsage(used)
          ;(wall[name] ??= []).push(((performance.now() - start) * 1000) / calls(name))
          return (user + system) / calls(name)
        })
      })
    const cpu: Readonly<Record<string, Times>> = yield* interleave(
      Object.fromEntries(Object.entries(reads).map(([name, read]) => [name, measure(name, read)])),
      rounds
    )
    const rows: Array<ReadonlyArray<string>> = []
    for (const [name, read] of Object.entries(reads)) {
      const bytes = yield* allocatedBytes(repeat(read, size(name)))
      const times = cpu[name] ?? []
      const bare = cpu[BARE]
      rows.push([
        name,
        median(times).toFixed(0),
        // The first round is the warm-up, as in `interleave`.
        median((wall[name] ?? []).slice(1)).toFixed(0),
        bare === undefined || name.endsWith("per call") ? "" : ratio(times, bare).toFixed(2),
        (bytes / calls(name) / 1000).toFixed(0)
      ])
    }
    yield* Console.log(`\n${title}\n`)
    yield* Console.log(table(["read", "CPU µs", "wall µs", "× fetch (CPU)", "kB allocated"], rows))
  })

/** A read without this library, with the same timeout and credentials. */
const bareReads = (url: string, body: string): Reads => ({
  // `undici.request` does not decompress.
  ...(body === "gzip" ? {} : {
    "undici.request().json()": Effect.promise(() =>
      // eslint-disable-next-line import/namespace -- the module exports everything of undici
      Undici.request(url, { headers: { authorization } }).then(({ body }) => body.json())
    )
  }),
  [BARE]: Effect.promise(() =>
    fetch(url, { headers: { authorization }, signal: AbortSignal.timeout(10_000) }).then((response) => response.json())
  )
})

const readsOver = (baseUrl: string, body: string) =>
  Effect.gen(function*() {
    const url = `${baseUrl}/${body}/v1/Accounts/${call.account}/Calls/${call.sid}.json?details=true`
    const client = yield* HttpClient.HttpClient
    const text = client.execute(HttpClientRequest.get(url).pipe(HttpClientRequest.basicAuth(apiKey, apiToken))).pipe(
      Effect.flatMap((response) => response.text),
      Effect.orDie
    )
    const calls = yield* ExotelCalls.make({
      apiKey,
      apiToken,
      accountSid: call.account,
      baseUrl: `${baseUrl}/${body}`
    }).pipe(Effect.provide(RequestBudget.layerUnlimited))
    const withDetails = Effect.orDie(calls.getWithDetails(call.sid))
    return {
      ...bareReads(url, body),
      "platform text": text,
      "platform text, no tracer": Effect.withTracerEnabled(text, false),
      get: Effect.orDie(calls.get(call.sid)),
      getWithDetails: withDetails,
      "getWithDetails, no tracer": Effect.withTracerEnabled(withDetails, false),
      "findEnded of 100, per call": Effect.orDie(calls.findEnded(pageSids))
    }
  })

const overFake = (rounds: number, count: number) =>
  Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    const calls = yield* ExotelCalls.ExotelCalls
    const sid = yield* fake.place(CallScript.answered({ talk: "1 hour" }))
    const read = Effect.orDie(calls.getWithDetails(sid))
    const reads = { getWithDetails: read, "getWithDetails, no tracer": Effect.withTracerEnabled(read, false) }
    yield* compare("Over the fake wire", reads, rounds, count)
  }).pipe(
    Effect.provide(
      FakeExotel.layer({
        requestsPerMinute: Infinity,
        client: { requestsPerMinute: Infinity },
        verifyOnClose: false
      })
    )
  )

const clients: ReadonlyArray<readonly [string, ReadonlyArray<string>, Layer.Layer<HttpClient.HttpClient>]> = [
  ["NodeHttpClient.layerUndici", ["length", "chunked"], NodeHttpClient.layerUndici],
  // Only `fetch` decompresses.
  ["FetchHttpClient.layer", ["length", "chunked", "gzip"], FetchHttpClient.layer]
]

const program = Effect.gen(function*() {
  const baseUrl = yield* readServer
  const [rounds, count] = (yield* smoke) ? [1, 20] : [11, 1000]
  yield* Console.log(`Reads, ${CONCURRENCY} at a time, medians of ${rounds} alternating rounds of ${count}`)
  for (const [name, bodies, layer] of clients) {
    for (const body of bodies) {
      yield* Effect.flatMap(
        readsOver(baseUrl, body),
        (reads) => compare(`Over loopback, ${name}, body: ${body}`, reads, rounds, count)
      ).pipe(Effect.provide(layer))
    }
  }
  yield* overFake(rounds, count)
})

NodeRuntime.runMain(Effect.scoped(program))
