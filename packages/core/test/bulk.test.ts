/** Bulk reads with unusual responses: wrong links, damaged records, calls that were not requested. */
import { Call, ExotelCalls, ExotelError } from "@effect-exotel/core"
import { assert, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Chunk, DateTime, Effect, Equal, Layer, Redacted, Stream, TestClock } from "effect"
import { stub } from "./support/stub.ts"

const options = {
  apiKey: Redacted.make("key"),
  apiToken: Redacted.make("token"),
  accountSid: "acme",
  baseUrl: "https://exotel.test"
}

const page = (calls: unknown, next?: unknown) =>
  new Response(JSON.stringify({ Metadata: { Total: 3, PageSize: 2, NextPageUri: next }, Calls: calls }))

const call = (Sid: string, fields: Record<string, unknown> = {}) => ({ Sid, Status: "completed", ...fields })

const withWire = <A, E>(
  use: (calls: ExotelCalls.Service) => Effect.Effect<A, E>,
  response: Parameters<typeof stub>[0]
) => {
  const wire = stub(response)
  return Effect.flatMap(ExotelCalls.ExotelCalls, use).pipe(
    Effect.provide(ExotelCalls.layer(options).pipe(Layer.provide(wire.layer))),
    Effect.map((result) => ({ result, urls: wire.urls }))
  )
}

const listed = (response: Parameters<typeof stub>[0]) =>
  withWire((calls) => Effect.exit(Stream.runCollect(calls.listEnded())), response)

const sidsOf = (calls: Iterable<{ readonly sid: string }>) => Array.from(calls, ({ sid }) => sid)

const query = (url: string | undefined) => new URL(url ?? "").searchParams

/** A link to a page that no link led to before. */
const linkTo = (n: number) => `/v1/Accounts/acme/Calls.json?After=c${n}`

it.effect("follows links by their query alone, and never to another host or path", () =>
  Effect.gen(function*() {
    const { result, urls } = yield* listed((_, n) =>
      n === 1
        ? page([call("a")], "https://elsewhere.test/v1/Accounts/other/Calls.json?After=x1")
        : page([call("b")], "")
    )
    assert.strictEqual(
      result._tag === "Success" && Chunk.join(Chunk.map(result.value, ({ sid }): string => sid), ","),
      "a,b"
    )
    assert.strictEqual(urls[1], "https://exotel.test/v1/Accounts/acme/Calls.json?After=x1")
  }))

it.effect("does not follow a link to the same page", () =>
  Effect.gen(function*() {
    const { result, urls } = yield* listed((url) => page([call("a")], `${url.pathname}${url.search}`))
    assert.strictEqual(result._tag, "Failure")
    assert.strictEqual(urls.length, 1)
  }))

it.effect("accepts every form of a last page and of an empty page", () =>
  Effect.gen(function*() {
    const bodies = [
      page([], null),
      page([], ""),
      page([], "null"),
      page(null),
      page(""),
      new Response("<TwilioResponse><Metadata><Total>0</Total></Metadata><Calls/></TwilioResponse>"),
      new Response("<TwilioResponse><Metadata><NextPageUri/></Metadata><Calls></Calls></TwilioResponse>"),
      // `null` is a text in XML, and may be one in JSON.
      new Response("<TwilioResponse><Metadata><Total>0</Total></Metadata><Calls>null</Calls></TwilioResponse>"),
      new Response(JSON.stringify({ Metadata: { NextPageUri: "null" }, Calls: "null" })),
      new Response(JSON.stringify({ RestException: { Status: 404, Message: "No matching results" } }), { status: 404 })
    ]
    for (const body of bodies) {
      const { result } = yield* listed(() => body)
      assert.strictEqual(result._tag === "Success" ? Chunk.size(result.value) : -1, 0)
    }
  }))

it.effect("reads one call in XML as a list of one", () =>
  Effect.gen(function*() {
    const { result } = yield* listed(() =>
      new Response(
        "<TwilioResponse><Metadata><Total>1</Total></Metadata>"
          + "<Calls><Call><Sid>a</Sid><Status>busy</Status></Call></Calls></TwilioResponse>"
      )
    )
    deepStrictEqual(
      result._tag === "Success" && Chunk.toReadonlyArray(result.value).map(({ status }) => status),
      ["busy"]
    )
  }))

it.effect("refuses a body that is no page", () =>
  Effect.gen(function*() {
    const bodies = [
      ["Metadata", { Calls: [call("a")] }],
      ["Calls", { Metadata: {}, Calls: "a" }],
      ["Calls", { Metadata: {}, Calls: { Sid: "a" } }],
      ["Calls", { Metadata: {}, Calls: { Call: "a" } }],
      ["Calls", { Metadata: {}, Calls: { "#text": "a lost tag", Call: [call("a")] } }],
      ["Metadata.NextPageUri", { Metadata: { NextPageUri: 7 }, Calls: [] }],
      ["Calls", { Call: call("a") }],
      ["Call", { Metadata: {} }]
    ] as const
    for (const [path, body] of bodies) {
      const { result } = yield* listed(() => new Response(JSON.stringify(body)))
      const error = result._tag === "Failure" && result.cause._tag === "Fail" ? result.cause.error : undefined
      const actual = error?._tag === "ResponseParseError" ? error.path : error?._tag
      assert.strictEqual(actual, path, JSON.stringify(body))
    }
  }))

it.effect("returns a damaged record beside the calls that could be read, and omits calls that were not requested", () =>
  Effect.gen(function*() {
    const { result, urls } = yield* withWire(
      (calls) => calls.findEnded(["a", "b", "c"]),
      () =>
        page([call("a"), { Sid: "b", "#text": "a lost tag" }, call("z"), "junk", { Sid: "y", "#text": "a lost tag" }])
    )
    assert.strictEqual(urls.length, 1)
    deepStrictEqual(result.calls.map(({ sid }) => String(sid)), ["a"])
    deepStrictEqual(result.missing.map(String), ["c"])
    deepStrictEqual(result.malformed.map(({ path, sid }) => [sid, path]), [
      ["b", "Calls[1]"],
      [undefined, "Calls[3]"]
    ])
  }))

it.effect("sends no request when no sid is given", () =>
  Effect.gen(function*() {
    const { result, urls } = yield* withWire((calls) => calls.findEnded([]), () => page([]))
    deepStrictEqual(result, { calls: [], missing: [], malformed: [] })
    assert.strictEqual(urls.length, 0)
  }))

it.effect("reports an unknown account as an AuthenticationError", () =>
  Effect.gen(function*() {
    const failed = (body: string) =>
      withWire((calls) => Effect.flip(calls.findEnded(["a"])), () => new Response(body, { status: 404 }))
    const { result } = yield* failed("")
    assert.isTrue(Equal.equals(result, new ExotelError.AuthenticationError({ status: 404 })))
    const { result: explained } = yield* failed("{\"RestException\":{\"Code\":1001,\"Message\":\"No such tenant\"}}")
    const expected = new ExotelError.AuthenticationError({ status: 404, code: 1001, exotelMessage: "No such tenant" })
    assert.isTrue(Equal.equals(explained, expected))
  }))

it.effect("fails when two pages link to each other, after reading each of them once", () =>
  Effect.gen(function*() {
    const { result, urls } = yield* listed((_, n) => page([call(`a${n}`)], linkTo(n % 2)))
    const error = result._tag === "Failure" && result.cause._tag === "Fail" ? result.cause.error : undefined
    assert.deepInclude(error, { _tag: "ResponseParseError", path: "Metadata.NextPageUri" })
    assert.strictEqual(urls.length, 3)
  }))

it.effect("stops a lookup when no call is missing, although further pages follow", () =>
  Effect.gen(function*() {
    const { result, urls } = yield* withWire(
      (calls) => calls.findEnded(["a", "b"]),
      (_, n) => page([call(n === 1 ? "b" : "a"), call("z")], linkTo(n))
    )
    deepStrictEqual(sidsOf(result.calls), ["b", "a"])
    assert.strictEqual(urls.length, 2)
  }))

it.effect("fails a lookup whose page has no requested call and is not the last one", () =>
  Effect.gen(function*() {
    const { result, urls } = yield* withWire(
      (calls) => Effect.flip(calls.findEnded(["a"])),
      (_, n) => page([call(`z${n}`)], linkTo(n))
    )
    assert.deepInclude(result, { _tag: "ResponseParseError", path: "Metadata.NextPageUri" })
    assert.strictEqual(urls.length, 1)
  }))

it.effect("reads no more pages than requested calls when pages repeat without end", () =>
  Effect.gen(function*() {
    const { result, urls } = yield* withWire(
      (calls) => Effect.flip(calls.findEnded(["a", "b", "c"])),
      (_, n) => page([call("a"), ...(n > 1 ? [call("b")] : [])], linkTo(n))
    )
    assert.strictEqual(result._tag, "ResponseParseError")
    assert.strictEqual(urls.length, 3)
  }))

it.effect("returns the calls as missing when the last page has none of them", () =>
  Effect.gen(function*() {
    const { result } = yield* withWire((calls) => calls.findEnded(["a"]), () => page([call("z")]))
    deepStrictEqual(result.missing.map(String), ["a"])
  }))

it.effect("refuses a page of more than 100 calls, and accepts one of 100", () =>
  Effect.gen(function*() {
    const size = (n: number) => listed(() => page(Array.from({ length: n }, (_, i) => call(`a${i}`))))
    const { result } = yield* size(100)
    assert.strictEqual(result._tag === "Success" && Chunk.size(result.value), 100)
    const { result: tooMany } = yield* size(101)
    const error = tooMany._tag === "Failure" && tooMany.cause._tag === "Fail" ? tooMany.cause.error : undefined
    assert.deepInclude(error, { _tag: "ResponseParseError", path: "Calls" })
  }))

it.effect("lists a call without a status, and one with an unreadable field, like any other", () =>
  Effect.gen(function*() {
    const { result } = yield* listed(() => page([{ Sid: "a" }, call("b", { Duration: "17.5" }), call("c")]))
    deepStrictEqual(
      result._tag === "Success" && Chunk.toReadonlyArray(result.value).map((call) => [call.status, ...call.unreadable]),
      [["unknown"], ["completed", "Duration"], ["completed"]]
    )
  }))

it.effect("requests details only on demand, and decodes those that arrive", () =>
  Effect.gen(function*() {
    const find = (details: boolean) =>
      withWire(
        (calls) => calls.findEnded(["a", "b"], { details }),
        () => page([call("a", { Details: { Legs: [{ Leg: { Id: 1, OnCallDuration: 7 } }] } }), call("b")])
      )
    const { result, urls } = yield* find(true)
    assert.strictEqual(query(urls[0]).get("details"), "true")
    deepStrictEqual(result.calls.map((call) => Call.legs(call).map((leg) => leg.id)), [[1], []])
    deepStrictEqual(result.calls.map(Call.hasDetails), [true, false])
    assert.isNull(query((yield* find(false)).urls[0]).get("details"))
    assert.isNull(query((yield* withWire((calls) => calls.findEnded(["a"]), () => page([]))).urls[0]).get("details"))
  }))

for (const order of ["desc", "asc"] as const) {
  it.effect(`sends one request per status and merges the calls in order of creation, ${order}`, () =>
    Effect.gen(function*() {
      const created = (sid: string, day: number) => call(sid, { DateCreated: `2026-01-0${day} 00:00:00` })
      const sorted = (calls: ReadonlyArray<unknown>) => page(order === "asc" ? calls : calls.toReversed())
      const { result, urls } = yield* withWire(
        (calls) => Stream.runCollect(calls.listEnded({ order, status: ["busy", "failed", "no-answer", "busy"] })),
        (url) =>
          url.searchParams.get("Status") === "busy"
            ? sorted([created("b1", 1), created("b4", 4), created("b5", 5)])
            : url.searchParams.get("Status") === "failed"
            ? sorted([created("f2", 2), created("f6", 6)])
            : sorted([created("n3", 3)])
      )
      deepStrictEqual(urls.map((url) => query(url).get("Status")), ["busy", "failed", "no-answer"])
      const expected = ["b1", "f2", "n3", "b4", "b5", "f6"]
      deepStrictEqual(sidsOf(result), order === "asc" ? expected : expected.toReversed())
    }))
}

it.effect("merges a call without a time of creation before the others", () =>
  Effect.gen(function*() {
    for (const status of [["busy", "failed"], ["failed", "busy"]] as const) {
      const { result } = yield* withWire(
        (calls) => Stream.runCollect(calls.listEnded({ status })),
        (url) =>
          page(
            url.searchParams.get("Status") === "busy"
              ? [call("b", { DateCreated: "2026-01-01 00:00:00" })]
              : [call("f")]
          )
      )
      deepStrictEqual(sidsOf(result), ["f", "b"])
    }
  }))

it.effect("searches the newest month first", () =>
  Effect.gen(function*() {
    yield* TestClock.setTime(Date.UTC(2026, 5, 1))
    const { urls } = yield* withWire(
      (calls) => calls.findEnded(["a"], { since: DateTime.unsafeMake("2026-03-20T00:00:00Z") }),
      () => page([])
    )
    const begins = urls.map((url) => query(url).get("DateCreated")?.slice(4, 14))
    deepStrictEqual(begins, ["2026-05-15", "2026-04-17", "2026-03-20"])
  }))

it.effect("accepts page and chunk sizes from 1 to 100 and refuses others before sending", () =>
  Effect.gen(function*() {
    for (const size of [0, 1, 100, 101]) {
      const list = yield* withWire((calls) => Effect.exit(Stream.runDrain(calls.listEnded({ pageSize: size }))), () =>
        page([]))
      const find = yield* withWire((calls) =>
        Effect.exit(calls.findEnded(["a"], { chunkSize: size })), () => page([]))
      for (const { result, urls } of [list, find]) {
        const valid = size === 1 || size === 100
        assert.strictEqual(result._tag, valid ? "Success" : "Failure", `${size}`)
        deepStrictEqual(urls.map((url) => query(url).get("PageSize")), valid ? [`${size}`] : [])
      }
    }
  }))
