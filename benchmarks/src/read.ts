/**
 * Measures the cost of a read through `ExotelCalls` compared with the same `HttpClient` that fetches the same response as
 * text. The server is another process on this machine.
 */
import { ExotelCalls, RequestBudget } from "@effect-exotel/core"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "@effect/platform"
import { NodeHttpClient, NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Redacted } from "effect"
import { fork } from "node:child_process"
import { interleave, median, ratio, smoke, table } from "./lib/measure.ts"
import { call } from "./lib/sample.ts"

const CONCURRENCY = 16

/** Ends with its scope, and by itself if this process ends without closing the scope. */
const server = Effect.acquireRelease(
  Effect.sync(() => fork(new URL("./lib/server.ts", import.meta.url), { stdio: "inherit" })),
  (child) => Effect.sync(() => void child.kill())
).pipe(
  Effect.flatMap((child) =>
    Effect.async<number>((resume) => {
      child.once("message", (port) => resume(Effect.succeed(Number(port))))
      child.once("exit", (code) => resume(Effect.dieMessage(`the server ended with ${code}`)))
    })
  ),
  Effect.timeout("20 seconds"),
  Effect.map((port) => `http://127.0.0.1:${port}`)
)

const keepAlive = NodeHttpClient.layerWithoutAgent.pipe(
  Layer.provide(NodeHttpClient.makeAgentLayer({ keepAlive: true }))
)

const clients: Readonly<Record<string, Layer.Layer<HttpClient.HttpClient>>> = {
  "NodeHttpClient.layerUndici": NodeHttpClient.layerUndici,
  "FetchHttpClient.layer": FetchHttpClient.layer,
  "NodeHttpClient, agent with keepAlive": keepAlive,
  "NodeHttpClient.layer": NodeHttpClient.layer
}

const apiKey = Redacted.make("key")
const apiToken = Redacted.make("token")

/** Microseconds per read, over `count` reads. */
const timed = (read: Effect.Effect<unknown>, count: number): Effect.Effect<number> =>
  Effect.suspend(() => {
    const start = performance.now()
    return Effect.forEach(Array.from({ length: count }), () => read, { concurrency: CONCURRENCY, discard: true }).pipe(
      Effect.map(() => ((performance.now() - start) * 1000) / count)
    )
  })

const compare = (baseUrl: string, rounds: number, count: number) =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const calls = yield* ExotelCalls.make({
      apiKey,
      apiToken,
      accountSid: call.account,
      baseUrl
    }).pipe(Effect.provide(RequestBudget.layerUnlimited))
    const url = `${baseUrl}/v1/Accounts/${call.account}/Calls/${call.sid}.json?details=true`
    const fetchText = client.execute(HttpClientRequest.get(url).pipe(HttpClientRequest.basicAuth(apiKey, apiToken)))
      .pipe(
        Effect.flatMap((response) => response.text),
        Effect.orDie
      )
    return yield* interleave({
      text: timed(fetchText, count),
      untraced: timed(Effect.withTracerEnabled(fetchText, false), count),
      read: timed(Effect.orDie(calls.getWithDetails(call.sid)), count)
    }, rounds)
  })

const program = Effect.gen(function*() {
  const baseUrl = yield* server
  const [rounds, count] = (yield* smoke) ? [1, 20] : [9, 200]
  const rows = yield* Effect.forEach(
    Object.entries(clients),
    ([name, layer]) =>
      Effect.map(Effect.provide(compare(baseUrl, rounds, count), layer), ({ read, text, untraced }) => [
        name,
        median(text).toFixed(0),
        median(untraced).toFixed(0),
        median(read).toFixed(0),
        ratio(read, text).toFixed(2),
        ratio(read, untraced).toFixed(2)
      ])
  )
  yield* Console.log(
    `One read over loopback in µs, ${CONCURRENCY} at a time, median of ${rounds} rounds of ${count}, alternating\n`
  )
  yield* Console.log(
    table(["HttpClient", "text only", "… untraced", "getWithDetails", "ratio", "… to untraced"], rows)
  )
})

NodeRuntime.runMain(Effect.scoped(program))
