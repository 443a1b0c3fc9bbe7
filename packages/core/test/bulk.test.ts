/** Bulk reads whose answers are odd: links that lead astray, damaged records, calls that nobody asked for. */
import { ExotelCalls } from "@effect-exotel/core"
import { assert, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Chunk, Effect, Layer, Option, Redacted, Stream } from "effect"
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
  reply: Parameters<typeof stub>[0]
) => {
  const wire = stub(reply)
  return Effect.flatMap(ExotelCalls.ExotelCalls, use).pipe(
    Effect.provide(ExotelCalls.layer(options).pipe(Layer.provide(wire.layer))),
    Effect.map((result) => ({ result, urls: wire.urls }))
  )
}

const listed = (reply: Parameters<typeof stub>[0]) =>
  withWire((calls) => Effect.exit(Stream.runCollect(calls.listEnded())), reply)

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

it.effect("does not follow a link that leads to where it stands", () =>
  Effect.gen(function*() {
    const { result, urls } = yield* listed((url) => page([call("a")], `${url.pathname}${url.search}`))
    assert.strictEqual(result._tag, "Failure")
    assert.strictEqual(urls.length, 1)
  }))

it.effect("takes every spelling of a last page and of no calls", () =>
  Effect.gen(function*() {
    const bodies = [
      page([], null),
      page([], ""),
      page(null),
      page(""),
      new Response("<TwilioResponse><Metadata><Total>0</Total></Metadata><Calls/></TwilioResponse>"),
      new Response("<TwilioResponse><Metadata><NextPageUri/></Metadata><Calls></Calls></TwilioResponse>"),
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

it.effect("refuses what is no page", () =>
  Effect.gen(function*() {
    const bodies = [
      { Calls: [call("a")] },
      { Metadata: {}, Calls: "a" },
      { Metadata: {}, Calls: { Sid: "a" } },
      { Metadata: { NextPageUri: 7 }, Calls: [] },
      { Call: call("a") },
      { Metadata: {} }
    ]
    for (const body of bodies) {
      const { result } = yield* listed(() => new Response(JSON.stringify(body)))
      const error = result._tag === "Failure" && result.cause._tag === "Fail" ? result.cause.error : undefined
      assert.strictEqual(error?._tag, "ResponseParseError", JSON.stringify(body))
    }
  }))

it.effect("tells a damaged record beside the calls that could be read, and leaves out what nobody asked for", () =>
  Effect.gen(function*() {
    const { result, urls } = yield* withWire(
      (calls) => calls.findEnded(["a", "b", "c"]),
      () => page([call("a"), call("b", { Duration: "soon" }), call("z"), "junk"])
    )
    assert.strictEqual(urls.length, 1)
    deepStrictEqual(result.calls.map(({ sid }) => String(sid)), ["a"])
    deepStrictEqual(result.missing.map(String), ["c"])
    deepStrictEqual(result.malformed.map(({ path, sid }) => [sid, path]), [
      ["b", "Calls[1].Duration"],
      [undefined, "Calls[3]"]
    ])
  }))

it.effect("asks for nothing when there is nothing to find", () =>
  Effect.gen(function*() {
    const { result, urls } = yield* withWire((calls) => calls.findEnded([]), () => page([]))
    deepStrictEqual(result, { calls: [], missing: [], malformed: [] })
    assert.strictEqual(urls.length, 0)
  }))

it.effect("calls an unknown account an error of authentication", () =>
  Effect.gen(function*() {
    const { result } = yield* listed(() => new Response("", { status: 404 }))
    const error = result._tag === "Failure" && result.cause._tag === "Fail" ? result.cause.error : undefined
    assert.strictEqual(error?._tag, "AuthenticationError")
    assert.isTrue(Option.isNone(Option.fromNullable(error && "sid" in error ? error.sid : undefined)))
  }))
