/** The client on a real wire, with each supported HTTP client. */
import { type ExotelConfig, type ExotelError } from "@effect-exotel/core"
import { HttpClient } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Equal, Fiber, Layer } from "effect"
import type * as Http from "node:http"
import * as Zlib from "node:zlib"
import { clients, redirectHosts, sid, withCalls } from "./support/clients.ts"
import { always, type Handler, serve, unusedUrl } from "./support/server.ts"
import { answered, plain, toCall, toJson, toXml } from "./support/wire.ts"

const sample = { ...answered, sid }
const json = toJson(sample, plain())
const xml = toXml(sample, plain())

const tagOf = (error: ExotelError.ExotelError) => "reason" in error ? `${error._tag} ${error.reason}` : error._tag

/** Reads once from a server with this handler. Returns the tag and reason of the error. */
const failure = (handler: Handler, options: Partial<ExotelConfig.CommonOptions> = {}) =>
  Effect.flatMap(
    serve(handler),
    ({ url }) => withCalls({ baseUrl: url, ...options }, (calls) => Effect.map(Effect.flip(calls.get(sid)), tagOf))
  )

const partOf = (body: string) => body.slice(0, Math.floor(body.length / 2))

/** Writes until the connection is closed. */
const endless: Handler = (_, response) => {
  response.writeHead(200, { "content-type": "application/json" })
  const chunk = " ".repeat(16 * 1024)
  const write = () => {
    while (!response.destroyed && response.write(chunk)) { /* until the socket is full */ }
  }
  response.on("drain", write)
  write()
}

/** Sends the headers and half of the body, then calls `then`. */
const half =
  (then: (response: Http.ServerResponse) => void, headers: Http.OutgoingHttpHeaders = {}): Handler => (_, response) => {
    response.writeHead(200, headers)
    response.write(partOf(json), () => setImmediate(() => then(response)))
  }

const whole = { "content-length": Buffer.byteLength(json) }

for (const [name, layer] of Object.entries(clients)) {
  describe(`over ${name}`, () => {
    const live = (what: string, test: () => Effect.Effect<void, unknown, never>) => it.live(what, test)
    const run = <E, R>(test: Effect.Effect<void, E, R>) => Effect.scoped(Effect.provide(test, layer))

    live(
      "reads a call in the format it asks for, with its credentials in one header",
      () =>
        run(Effect.gen(function*() {
          const server = yield* serve((request, response) => response.end(request.url?.includes(".json") ? json : xml))
          for (const format of ["json", "xml"] as const) {
            const call = yield* withCalls(
              { baseUrl: `${server.url}/prefix`, format },
              (calls) => calls.getWithDetails(sid)
            )
            assert.isTrue(Equal.equals(call, toCall(sample)))
          }
          const path = `/prefix/v1/Accounts/acme1m/Calls/${sid}`
          deepStrictEqual(server.requests, [`${path}.json?details=true`, `${path}?details=true`])
          assert.match(server.headers[0]?.authorization ?? "", /^Basic [A-Za-z0-9+/]+=*$/)
          deepStrictEqual(server.headers.map(({ accept }) => accept), ["application/json", "application/xml"])
        }))
    )

    live(
      "recognises the format by the content, not by the request or the content type",
      () =>
        run(Effect.gen(function*() {
          const server = yield* serve(always(200, xml, { "content-type": "application/json" }))
          const call = yield* withCalls({ baseUrl: server.url }, (calls) => calls.get(sid))
          assert.isTrue(Equal.equals(call, toCall(sample)))
        }))
    )

    live("closes the connection of a 101 response", () =>
      run(Effect.gen(function*() {
        const server = yield* serve((request) => {
          request.socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
        })
        yield* withCalls({ baseUrl: server.url, timeout: "1 second" }, (calls) => Effect.flip(calls.get(sid)))
        yield* server.closed
      })))

    live("asks for a pre-signed recording link in whole minutes", () =>
      run(Effect.gen(function*() {
        const server = yield* serve(always(200, json))
        yield* withCalls({ baseUrl: server.url }, (calls) =>
          Effect.zipRight(
            calls.get(sid, { recordingUrlValidity: "30 minutes" }),
            calls.getWithDetails(sid, { recordingUrlValidity: 300_000 })
          ))
        deepStrictEqual(server.requests.map((url) => url.split("?")[1]), [
          "RecordingUrlValidity=30",
          "details=true&RecordingUrlValidity=5"
        ])
      })))

    const statuses: ReadonlyArray<readonly [number, string]> = [
      [400, "InvalidRequest"],
      [401, "AuthenticationError"],
      [402, "AccessDenied"],
      [403, "AccessDenied"],
      [404, "CallNotFound"],
      [408, "ServiceUnavailable"],
      [409, "InvalidRequest"],
      [421, "ServiceUnavailable"],
      [422, "InvalidRequest"],
      [425, "ServiceUnavailable"],
      [429, "RateLimited"],
      [500, "ServiceUnavailable"],
      [502, "ServiceUnavailable"],
      [503, "ServiceUnavailable"]
    ]
    live(
      "maps each status to its error, independent of the body",
      () =>
        run(Effect.forEach(statuses, ([status, tag]) =>
          Effect.forEach(
            [
              "",
              "<html><body>Trouble</body></html>",
              JSON.stringify({ RestException: { Status: status, Message: "No" } })
            ],
            (body) => Effect.map(failure(always(status, body)), (actual) => assert.strictEqual(actual, tag, body))
          ), { discard: true }))
    )

    live("takes a success without a body for no call", () =>
      run(Effect.gen(function*() {
        assert.strictEqual(yield* failure(always(204, "")), "ResponseParseError Malformed")
        assert.strictEqual(yield* failure(always(205, "")), "ResponseParseError Malformed")
        assert.strictEqual(yield* failure(always(304, "")), "ResponseParseError Unexpected")
      })))

    live("takes a body's 404 under a 400 for an unknown call", () =>
      run(Effect.gen(function*() {
        const body = JSON.stringify({ RestException: { Status: 404, Message: "No matching results", Code: "34010" } })
        assert.strictEqual(yield* failure(always(400, body)), "CallNotFound")
        assert.strictEqual(yield* failure(always(401, body)), "AuthenticationError")
      })))

    live("distinguishes a wrong region from an unknown call", () =>
      run(Effect.gen(function*() {
        const singapore = yield* serve(always(404, ""))
        const mumbai = yield* serve(always(200, "{\"AuthToken\":\"never read\"}"))
        const hosts = redirectHosts({ singapore: singapore.url, mumbai: mumbai.url })
        const error = yield* withCalls({ region: "singapore" }, (calls) => Effect.flip(calls.get(sid))).pipe(
          Effect.provide(Layer.provide(hosts, layer))
        )
        assert.strictEqual(error._tag, "RegionMismatch")
        deepStrictEqual(mumbai.requests, ["/v1/Accounts/acme1m.json"])
      })))

    live("refuses damaged answers as ParseErrors", () =>
      run(Effect.gen(function*() {
        assert.strictEqual(yield* failure(always(200, "")), "ResponseParseError Malformed")
        assert.strictEqual(yield* failure(always(200, "ok")), "ResponseParseError Malformed")
        assert.strictEqual(yield* failure(always(200, "{}")), "ResponseParseError Unexpected")
        assert.strictEqual(yield* failure(always(200, partOf(json))), "ResponseParseError Malformed")
        assert.strictEqual(
          yield* failure(always(200, Buffer.from(json.replace("Jerry", "J\u00e9rry"), "latin1"))),
          "ResponseParseError Malformed"
        )
        assert.strictEqual(yield* failure(always(200, Buffer.from(json, "utf16le"))), "ResponseParseError Malformed")
        // None of the three asks for a compressed answer that it could not read.
        assert.notInclude(
          yield* failure(always(200, Zlib.gzipSync(json.slice(1)), { "content-encoding": "gzip" })),
          "TransportError Reset"
        )
      })))

    live("reads a body with a byte order mark, in any number of pieces", () =>
      run(Effect.gen(function*() {
        const bytes = Buffer.from(`\ufeff${json.replace("Jerry", "नमस्ते 📞")}`)
        const server = yield* serve((_, response) => {
          response.writeHead(200)
          const write = (at: number): void => {
            if (at >= bytes.length) response.end()
            else response.write(bytes.subarray(at, at + 97), () => setImmediate(() => write(at + 97)))
          }
          write(0)
        })
        const call = yield* withCalls({ baseUrl: server.url }, (calls) => calls.get(sid))
        assert.deepInclude(call.callerName, { value: "Tom & नमस्ते 📞's" })
      })))

    live(
      "gives up on an endless body a little after the cap, and closes the connection",
      () =>
        run(Effect.gen(function*() {
          const server = yield* serve(endless)
          const error = yield* withCalls(
            { baseUrl: server.url, maxBodyBytes: 100_000 },
            (calls) => Effect.flip(calls.get(sid))
          )
          assert.strictEqual(tagOf(error), "ResponseParseError TooLarge")
          yield* server.closed
          // What was not read waits in the buffers of the two sockets, which hold some megabytes.
          assert.isBelow(server.bytesWritten(), 16 * 1024 * 1024)
        }))
    )

    live("reads a body of exactly the cap, and none that is one byte longer", () =>
      run(Effect.gen(function*() {
        const maxBodyBytes = Buffer.byteLength(json)
        for (const headers of [{}, whole]) {
          const server = yield* serve(always(200, json, headers))
          yield* withCalls({ baseUrl: server.url, maxBodyBytes }, (calls) => calls.get(sid))
          assert.strictEqual(
            yield* failure(always(200, json, headers), { maxBodyBytes: maxBodyBytes - 1 }),
            "ResponseParseError TooLarge"
          )
        }
      })))

    live("believes a length that is over the cap without waiting for the body", () =>
      run(Effect.gen(function*() {
        const server = yield* serve((_, response) => {
          response.writeHead(200, { "content-length": "1000000000000" })
          response.write("{")
        })
        const error = yield* withCalls({ baseUrl: server.url }, (calls) => Effect.flip(calls.get(sid)))
        assert.strictEqual(tagOf(error), "ResponseParseError TooLarge")
        yield* server.closed
      })))

    // The other two do not ask for compression, and do not undo it either.
    if (name === "fetch") {
      live(
        "gives up on a compressed body once it has swollen past the cap, however short it was declared",
        () =>
          run(Effect.gen(function*() {
            const small = Zlib.gzipSync(Buffer.alloc(50_000_000))
            const server = yield* serve((_, response) => {
              response.writeHead(200, { "content-encoding": "gzip", "content-length": small.length })
              response.write(small.subarray(0, small.length - 100))
            })
            const error = yield* withCalls(
              { baseUrl: server.url, timeout: "5 seconds" },
              (calls) => Effect.flip(calls.get(sid))
            )
            assert.strictEqual(tagOf(error), "ResponseParseError TooLarge")
            yield* server.closed
          }))
      )

      live("reads a compressed body", () =>
        run(Effect.gen(function*() {
          const server = yield* serve(always(200, Zlib.gzipSync(json), { "content-encoding": "gzip" }))
          const call = yield* withCalls({ baseUrl: server.url }, (calls) => calls.get(sid))
          assert.isTrue(Equal.equals(call, toCall(sample)))
        })))
    }

    live("does not let a small length pass a large body off as a call", () =>
      run(Effect.map(
        failure((request) => {
          request.socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n${json}`)
        }),
        (tag) => assert.match(tag, /^(ResponseParseError Malformed|TransportError \w+)$/)
      )))

    live("keeps an error's status, however large its body", () =>
      run(Effect.gen(function*() {
        const large = "x".repeat(10_000)
        assert.strictEqual(yield* failure(always(401, large), { maxBodyBytes: 100 }), "AuthenticationError")
        assert.strictEqual(yield* failure(always(503, large), { maxBodyBytes: 100 }), "ServiceUnavailable")
      })))

    live("follows no redirect, to this host or another", () =>
      run(Effect.gen(function*() {
        const other = yield* serve(always(200, json))
        for (const status of [300, 301, 302, 303, 307, 308]) {
          assert.strictEqual(
            yield* failure(always(status, "", { location: `${other.url}/v1/Accounts/acme1m/Calls/${sid}.json` })),
            "ResponseParseError Unexpected"
          )
        }
        deepStrictEqual(other.requests, [])
      })))

    live("names the reason when no answer comes", () =>
      run(Effect.gen(function*() {
        const refused = yield* unusedUrl
        assert.strictEqual(
          yield* withCalls({ baseUrl: refused }, (calls) => Effect.map(Effect.flip(calls.get(sid)), tagOf)),
          "TransportError Refused"
        )
        const { host, message } = yield* withCalls(
          { baseUrl: refused },
          (calls) =>
            Effect.flip(calls.get(sid)).pipe(
              Effect.filterOrDie((error) => error._tag === "TransportError", () => "no TransportError")
            )
        )
        assert.strictEqual(host, new URL(refused).host)
        assert.include(message, new URL(refused).host)
        assert.strictEqual(
          yield* withCalls(
            { baseUrl: "https://no-such-host.invalid" },
            (calls) => Effect.map(Effect.flip(calls.get(sid)), tagOf)
          ),
          "TransportError NameNotFound"
        )
        const insecure = yield* serve(always(200, json))
        assert.strictEqual(
          yield* withCalls(
            { baseUrl: insecure.url.replace("http:", "https:") },
            (calls) => Effect.map(Effect.flip(calls.get(sid)), tagOf)
          ),
          "TransportError Tls"
        )
      })))

    live("names a connection that broke off, before the answer or in its middle", () =>
      run(Effect.gen(function*() {
        const reset = "TransportError Reset"
        assert.strictEqual(yield* failure((request) => void request.socket.destroy()), reset)
        assert.strictEqual(yield* failure((request) => void request.socket.resetAndDestroy()), reset)
        assert.strictEqual(yield* failure(half((response) => response.socket?.destroy())), reset)
        assert.strictEqual(yield* failure(half((response) => response.socket?.resetAndDestroy())), reset)
        assert.strictEqual(yield* failure(half((response) => response.socket?.destroy(), whole)), reset)
        assert.strictEqual(yield* failure(half((response) => response.socket?.resetAndDestroy(), whole)), reset)
        assert.strictEqual(yield* failure(half((response) => response.socket?.end(), whole)), reset)
      })))

    live(
      "fails after the timeout of an attempt, before or during the body, and closes the connection",
      () =>
        run(Effect.forEach([() => {}, half(() => {}, whole)], (handler) =>
          Effect.gen(function*() {
            const server = yield* serve(handler)
            const error = yield* withCalls(
              { baseUrl: server.url, timeout: "150 millis" },
              (calls) => Effect.flip(calls.get(sid))
            )
            assert.strictEqual(tagOf(error), "TransportError Timeout")
            yield* server.closed
          }), { discard: true }))
    )

    live(
      "gives up the request when it is interrupted, at either stage",
      () =>
        run(Effect.forEach([() => {}, half(() => {}, whole)], (handler) =>
          Effect.gen(function*() {
            const server = yield* serve(handler)
            const fiber = yield* Effect.fork(withCalls({ baseUrl: server.url }, (calls) => calls.get(sid)))
            yield* server.requested
            yield* Fiber.interrupt(fiber)
            yield* server.closed
            assert.strictEqual(server.requests.length, 1)
          }), { discard: true }))
    )

    live("does not leave it to the application's client to judge a status", () =>
      run(Effect.gen(function*() {
        const server = yield* serve(always(403, JSON.stringify({ RestException: { Status: 403, Code: 340030 } })))
        const client = Effect.map(HttpClient.HttpClient, HttpClient.filterStatusOk)
        const error = yield* withCalls({ baseUrl: server.url }, (calls) => Effect.flip(calls.get(sid))).pipe(
          Effect.provideServiceEffect(HttpClient.HttpClient, client)
        )
        assert.deepInclude(error, { _tag: "AccessDenied", code: 340030 })
      })))

    live("uses its connections again", () =>
      run(Effect.gen(function*() {
        const server = yield* serve(always(200, json))
        yield* withCalls({ baseUrl: server.url }, (calls) => Effect.repeatN(calls.get(sid), 19))
        assert.strictEqual(server.requests.length, 20)
        // Without an agent of the application's own, node:http makes a connection for each request.
        if (name === "node:http") assert.strictEqual(server.connections(), 20)
        // undici may take a second one when the first answer's end has not come round yet.
        else assert.isAtMost(server.connections(), 2)
      })))

    live("verifies the account without reading what is said of it", () =>
      run(Effect.gen(function*() {
        const server = yield* serve(endless)
        yield* withCalls({ baseUrl: server.url, maxBodyBytes: 1 }, (calls) => calls.verify)
        deepStrictEqual(server.requests, ["/v1/Accounts/acme1m.json"])
        yield* server.closed
      })))
  })
}

describe("over node:http with an agent that keeps connections", () => {
  it.scopedLive("uses its connection again", () =>
    Effect.gen(function*() {
      const server = yield* serve(always(200, json))
      const read20 = withCalls({ baseUrl: server.url }, (calls) => Effect.repeatN(calls.get(sid), 19))
      const layer = NodeHttpClient.layerWithoutAgent.pipe(
        Layer.provide(NodeHttpClient.makeAgentLayer({ keepAlive: true }))
      )
      yield* Effect.provide(read20, layer)
      assert.strictEqual(server.connections(), 1)
    }))
})
