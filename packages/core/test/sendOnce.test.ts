/** A request that must not be repeated, such as one that places a call, is sent once by any `HttpClient`. */
import { ExotelConfig, RequestBudget } from "@effect-exotel/core"
import { HttpBody, HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect } from "effect"
import * as Credentials from "../src/internal/http/credentials.ts"
import * as Transport from "../src/internal/http/transport.ts"
import { credentials } from "./support/clients.ts"
import { status, stub, type StubResponse } from "./support/stub.ts"

const post = HttpClientRequest.post("https://exotel.test/connect", {
  body: HttpBody.urlParams([["CustomField", "a & b"]])
})

const send = (
  responses: (n: number) => StubResponse,
  transform: (client: HttpClient.HttpClient) => HttpClient.HttpClient = (client) => client
) =>
  Effect.gen(function*() {
    const server = stub((_, n) => responses(n))
    const config = yield* ExotelConfig.make({ ...credentials, baseUrl: "https://exotel.test" })
    const result = yield* Effect.gen(function*() {
      const client = yield* HttpClient.HttpClient
      const transport = yield* Effect.provideService(
        Transport.make(config, RequestBudget.unlimited, yield* Credentials.make(config)),
        HttpClient.HttpClient,
        transform(client)
      )
      return yield* Effect.either(transport.sendOnce(post, (exchange) => exchange))
    }).pipe(Effect.provide(server.layer))
    return { result, sent: server.urls.length }
  })

const retrying = (client: HttpClient.HttpClient) =>
  client.pipe(HttpClient.mapRequest((request) => request), HttpClient.retryTransient({ times: 3 }))

it.effect("returns the response of a single request", () =>
  Effect.gen(function*() {
    const { result, sent } = yield* send(() => new Response("{}", { status: 201 }))
    assert.strictEqual(sent, 1)
    assert.deepInclude(yield* result, { status: 201, body: "{}" })
  }))

it.effect("sends nothing again through a client that retries, and names the reason", () =>
  Effect.gen(function*() {
    for (const response of ["refused", status(503)] as const) {
      const { result, sent } = yield* send(() => response, retrying)
      assert.strictEqual(sent, 1)
      deepStrictEqual(yield* Effect.flip(result), { _tag: "Transport", reason: "Unknown", code: Transport.resent })
    }
  }))
