/** Placing a call by request: which requests are accepted, which call they place, and what they return. */
import { CallScript, FakeExotel, Journal } from "@effect-exotel/testing"
import { HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Cause, Effect, Fiber, Option, Redacted, TestClock } from "effect"
import { fieldOf, flow, post, read, sidOf, twoNumbers } from "./support/connect.ts"

const withFake = (options?: FakeExotel.Options) => Effect.provide(FakeExotel.layerHttpClient(options))

const multipart = (fields: Readonly<Record<string, string>>, boundary: string, quoted: string) =>
  HttpClientRequest.bodyText(
    `${
      Object.entries(fields).map(([name, value]) =>
        `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
      ).join("")
    }--${boundary}--\r\n`,
    `multipart/form-data; boundary=${quoted}`
  )

describe("a connect request", () => {
  it.effect("places a call that is in progress, and that can be read until it has ended", () =>
    Effect.gen(function*() {
      const { status, text } = yield* post(twoNumbers)
      assert.strictEqual(status, 200)
      assert.strictEqual(fieldOf(text, "Status"), "in-progress")
      assert.strictEqual(fieldOf(text, "EndTime"), "null")
      assert.strictEqual(fieldOf(text, "From"), twoNumbers.From)
      assert.strictEqual(fieldOf(text, "To"), twoNumbers.To)
      assert.strictEqual(fieldOf(text, "PhoneNumberSid"), twoNumbers.CallerId)
      assert.strictEqual(fieldOf(text, "Direction"), "outbound-api")
      assert.strictEqual(fieldOf(yield* read(sidOf(text)), "Status"), "in-progress")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(fieldOf(yield* read(sidOf(text)), "Status"), "completed")
    }).pipe(withFake()))

  it.effect("returns XML without the suffix, and tolerates details=true", () =>
    Effect.gen(function*() {
      const { headers, text } = yield* post(twoNumbers, { suffix: "" })
      assert.strictEqual(headers["content-type"], "application/xml")
      assert.match(text, /^<TwilioResponse><Call><Sid>[0-9a-z]{32}<\/Sid>/)
      assert.strictEqual((yield* post(twoNumbers, { suffix: ".json?details=true" })).status, 200)
    }).pipe(withFake({ wireFormat: { prettyXml: false } })))

  for (
    const [name, body] of [
      ["multipart", multipart(twoNumbers, "--fields", "--fields")],
      ["multipart body with a quoted boundary as its", multipart(twoNumbers, "a b", "\"a b\"")],
      [
        "FormData",
        (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.bodyFormDataRecord(request, twoNumbers)
      ]
    ] as const
  ) {
    it.effect(`accepts a ${name} body`, () =>
      Effect.gen(function*() {
        const { text } = yield* post(twoNumbers, { body })
        assert.strictEqual(fieldOf(text, "To"), twoNumbers.To)
      }).pipe(withFake()))
  }

  it.effect("for a flow returns the ExoPhone as To, and places a call of one leg", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const { text } = yield* post(flow)
      assert.strictEqual(fieldOf(text, "To"), flow.CallerId)
      const [placed] = yield* fake.placed
      assert.strictEqual(placed?.appId, "926")
      assert.strictEqual(placed?.to, undefined)
      yield* TestClock.adjust("1 minute")
      assert.notInclude(yield* read(`${sidOf(text)}`), "\"Leg2Status\":\"completed\"")
    }).pipe(withFake()))

  it.effect("with the URL of an own server places a call that fails", () =>
    Effect.gen(function*() {
      const { text } = yield* post({ ...flow, Url: "https://app.example/exoml" })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(fieldOf(yield* read(sidOf(text)), "Status"), "failed")
    }).pipe(withFake({ connect: CallScript.answered() })))

  it.effect("without recording has no recording", () =>
    Effect.gen(function*() {
      const [without, withIt] = yield* Effect.forEach(["false", "true"], (Record) => post({ ...twoNumbers, Record }))
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(fieldOf(yield* read(sidOf(without?.text ?? "")), "RecordingUrl"), "null")
      assert.match(fieldOf(yield* read(sidOf(withIt?.text ?? "")), "RecordingUrl") ?? "", /^https:/)
    }).pipe(withFake()))

  const without = (name: keyof typeof twoNumbers) => {
    const { [name]: _, ...fields } = twoNumbers
    return fields
  }

  for (
    const [field, fields] of [
      ["From", without("From")],
      ["To", without("To")],
      ["CallerId", without("CallerId")],
      ["From", { ...without("From"), from: twoNumbers.From }],
      ["To", { ...twoNumbers, To: "sip:agent@example.com" }],
      ["To", { ...twoNumbers, To: "customer" }],
      ["CallType", { ...twoNumbers, CallType: "promo" }],
      ["TimeLimit", { ...twoNumbers, TimeLimit: "14401" }],
      ["TimeOut", { ...twoNumbers, TimeOut: "0" }],
      ["Record", { ...twoNumbers, Record: "yes" }],
      ["RecordingChannels", { ...twoNumbers, RecordingChannels: "stereo" }],
      ["RecordingFormat", { ...twoNumbers, RecordingFormat: "wav" }],
      ["CustomField", { ...twoNumbers, CustomField: "x".repeat(129) }],
      ["StatusCallback", { ...twoNumbers, StatusCallback: "/hook" }],
      ["StatusCallbackEvents", { ...twoNumbers, "StatusCallbackEvents[0]": "ringing" }],
      ["StatusCallbackContentType", { ...twoNumbers, StatusCallbackContentType: "text/plain" }]
    ] as const
  ) {
    it.effect(`is a 400 that names ${field} for ${JSON.stringify(fields)}`, () =>
      Effect.gen(function*() {
        const { status, text } = yield* post(fields)
        assert.strictEqual(status, 400)
        assert.match(text, new RegExp(`"RestException":\\{"Status":400,"Message":"[^"]* ${field}"`))
        deepStrictEqual(yield* Effect.flatMap(FakeExotel.FakeExotel, (fake) => fake.placed), [])
      }).pipe(withFake()))
  }

  it.effect("at the documented limits is accepted, with every documented field", () =>
    Effect.gen(function*() {
      const { status } = yield* post({
        ...twoNumbers,
        From: "sip:agent@example.com",
        CallType: "trans",
        TimeLimit: "14400",
        TimeOut: "60",
        MaxRetries: "0",
        WaitUrl: "https://app.example/wait.wav",
        Record: "true",
        RecordingChannels: "dual",
        RecordingFormat: "mp3-hq",
        StartPlaybackToNew: "Both",
        StartPlaybackValueNew: "https://app.example/start.wav",
        CustomField: "x".repeat(128)
      })
      assert.strictEqual(status, 200)
    }).pipe(withFake({ strict: true, connect: CallScript.busy() })))

  for (
    const [what, fields, body] of [
      ["a JSON body", {}, HttpClientRequest.bodyUnsafeJson(twoNumbers)],
      ["To together with Url", { ...twoNumbers, Url: flow.Url }, undefined],
      ["a voice bot", { ...flow, StreamUrl: "wss://app.example/bot" }, undefined]
    ] as const
  ) {
    it.effect(`with ${what} is refused as a mistake of the test`, () =>
      Effect.gen(function*() {
        const cause = yield* Effect.flip(Effect.sandbox(post(fields, body === undefined ? {} : { body })))
        assert.include(Cause.pretty(cause), "FakeExotel does not support a request")
        assert.notInclude(Cause.pretty(cause), twoNumbers.From)
      }).pipe(withFake({ verifyOnClose: false })))
  }

  it.effect("needs the credentials of the account, in its region", () =>
    Effect.gen(function*() {
      const { status } = yield* post(twoNumbers, {
        body: (request) =>
          HttpClientRequest.bodyUrlParams(HttpClientRequest.basicAuth(request, "key", "other"), twoNumbers)
      })
      assert.strictEqual(status, 401)
      deepStrictEqual(yield* Effect.flatMap(FakeExotel.FakeExotel, (fake) => fake.placed), [])
    }).pipe(withFake()))

  it.effect("shares the rate limit with reads, and places nothing above it", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const { text } = yield* post(twoNumbers)
      yield* read(sidOf(text))
      const { headers, status } = yield* post(twoNumbers)
      assert.strictEqual(status, 429)
      assert.strictEqual(headers["retry-after"], "60")
      assert.strictEqual((yield* fake.placed).length, 1)
    }).pipe(withFake({ requestsPerMinute: 2, retryAfter: "seconds" })))

  it.effect("appears in the journal with the sid of its call and without numbers", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const { text } = yield* post(twoNumbers)
      yield* post({ ...twoNumbers, To: "customer" })
      const journal = yield* fake.journal
      deepStrictEqual(journal.map(({ operation, sid }) => [operation, sid]), [["connect", sidOf(text)], [
        "connect",
        undefined
      ]])
      const path = "POST /v1/Accounts/acme1m/Calls/connect.json"
      assert.strictEqual(Journal.render(journal), `#1 +0s ${path} 200 placed ${sidOf(text)}\n#2 +0s ${path} 400`)
    }).pipe(withFake()))

  it.effect("places calls with the same sids for the same seed", () =>
    Effect.gen(function*() {
      const sids = Effect.map(Effect.replicateEffect(post(twoNumbers), 2), (all) => all.map(({ text }) => sidOf(text)))
      const first = yield* sids.pipe(withFake({ seed: 7 }))
      deepStrictEqual(yield* sids.pipe(withFake({ seed: 7 })), first)
      assert.notStrictEqual((yield* sids.pipe(withFake({ seed: 8 })))[0], first[0])
    }))
})

describe("placed calls", () => {
  it.effect("are listed with their numbers, and the next one can be awaited", () =>
    Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const next = yield* Effect.fork(fake.nextPlaced)
      yield* TestClock.adjust("5 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(next)))
      const { text } = yield* post({ ...twoNumbers, CustomField: "order 7" })
      const { at, customField, from, sid, to } = yield* Fiber.join(next)
      deepStrictEqual([from, to, sid, customField, at.epochMillis], [
        twoNumbers.From,
        twoNumbers.To,
        sidOf(text),
        "order 7",
        5000
      ])
      yield* post(flow)
      assert.strictEqual((yield* fake.nextPlaced).to, undefined)
      assert.strictEqual((yield* fake.placed).length, 2)
      yield* fake.place(CallScript.busy())
      assert.strictEqual((yield* fake.placed).length, 2)
    }).pipe(withFake()))
})

const exotelNode = "From=09876543210&To=09123456789&CallerId=08012345678&CallType=trans"
const multipartOf = (boundary: string) =>
  ["From", "To", "CallerId"].map((name) =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n09876543210\r\n`
  ).join("") + `--${boundary}--\r\n`

describe("the body that other clients send", () => {
  for (
    const [client, contentType, body] of [
      ["exotel-node 0.0.3", "application/x-www-form-urlencoded", exotelNode],
      ["urllib and requests", "application/x-www-form-urlencoded", exotelNode.replace("=0", "=%2B91")],
      [
        "clients with events",
        "application/x-www-form-urlencoded; charset=utf-8",
        `${exotelNode}&StatusCallbackEvents%5B0%5D=terminal&StatusCallbackEvents%5B1%5D=answered`
      ],
      [
        "curl -F",
        "multipart/form-data; boundary=------------------------d455a5672dbcb28f",
        multipartOf(
          "------------------------d455a5672dbcb28f"
        )
      ],
      [
        "requests with files",
        "multipart/form-data; boundary=84d632103df558bb771c5c2b949aa562",
        multipartOf(
          "84d632103df558bb771c5c2b949aa562"
        )
      ]
    ] as const
  ) {
    it.live(`places a call over a socket: ${client}`, () =>
      Effect.gen(function*() {
        const fake = yield* FakeExotel.FakeExotel
        const { options } = fake
        const credentials = `${Redacted.value(options.apiKey)}:${Redacted.value(options.apiToken)}`
        const response = yield* Effect.promise(() =>
          fetch(`${fake.baseUrl}/v1/Accounts/${options.accountSid}/Calls/connect`, {
            method: "POST",
            headers: { authorization: `Basic ${btoa(credentials)}`, "content-type": contentType },
            body
          })
        )
        // exotel-node crashes on a document without this root.
        assert.match(yield* Effect.promise(() => response.text()), /<TwilioResponse>\s*<Call>\s*<Sid>[0-9a-z]{32}</)
        const [placed] = yield* fake.placed
        assert.match(placed?.from ?? "", /^(0|\+91)9876543210$/)
      }).pipe(Effect.provide(FakeExotel.layerServer({ strict: true, connect: CallScript.busy() }))))
  }

  it.live("in error is answered under the root that exotel-node reads", () =>
    Effect.gen(function*() {
      const { text } = yield* post({ From: "09876543210" }, { suffix: "" })
      assert.match(text, /<TwilioResponse>\s*<RestException>/)
    }).pipe(withFake()))
})
