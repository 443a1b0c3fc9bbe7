/** The request for a call: its fields, their limits, and the form that is sent. */
import { ConnectRequest } from "@effect-exotel/core"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, Effect, Either, Redacted, Schema } from "effect"
import type { AccountSid } from "../src/AccountSid.ts"
import { check, encode, numberForms, personalValues } from "../src/internal/connect/form.ts"
import { logInEveryWay, printed, record } from "./support/canary.ts"

const account = "acme1m" as AccountSid

const numbers = { from: "+918012345678", to: "08087654321", callerId: "08047123456" }
const flow = { from: "+918012345678", callerId: "08047123456", appId: "29281" }

const form = (request: ConnectRequest.ConnectRequest) =>
  Object.fromEntries(encode(Either.getOrThrow(check(request)), account))

describe("the form of a call", () => {
  it("between two numbers has their fields and switches recording off explicitly", () => {
    deepStrictEqual(form(ConnectRequest.twoNumbers(numbers)), {
      From: "+918012345678",
      To: "08087654321",
      CallerId: "08047123456",
      CallType: "trans",
      Record: "false"
    })
  })

  it("to a flow has the URL of the flow and no To", () => {
    deepStrictEqual(form(ConnectRequest.flow({ ...flow, from: "sip:agent.one@example.invalid" })), {
      From: "sip:agent.one@example.invalid",
      CallerId: "08047123456",
      CallType: "trans",
      Url: "http://my.exotel.com/acme1m/exoml/start_voice/29281",
      Record: "false"
    })
  })

  it("has every option in the words of Exotel", () => {
    deepStrictEqual(
      form(ConnectRequest.twoNumbers({
        ...numbers,
        timeLimit: "4 hours",
        ringTimeout: Duration.seconds(60),
        recording: { channels: "dual", format: "mp3-hq" },
        customField: "order 17 & more",
        waitUrl: "https://example.com/wait.wav",
        startPlayback: { url: "https://example.com/notice.wav", to: "both" },
        maxRetries: 0,
        statusCallback: {
          url: new URL("https://example.com/status/s3cret"),
          events: ["answered", "terminal", "answered"],
          contentType: "application/json"
        }
      })),
      {
        From: "+918012345678",
        To: "08087654321",
        CallerId: "08047123456",
        CallType: "trans",
        TimeLimit: "14400",
        TimeOut: "60",
        Record: "true",
        RecordingChannels: "dual",
        RecordingFormat: "mp3-hq",
        CustomField: "order 17 & more",
        WaitUrl: "https://example.com/wait.wav",
        StartPlaybackToNew: "Both",
        StartPlaybackValueNew: "https://example.com/notice.wav",
        MaxRetries: "0",
        StatusCallback: "https://example.com/status/s3cret",
        "StatusCallbackEvents[0]": "answered",
        "StatusCallbackEvents[1]": "terminal",
        StatusCallbackContentType: "application/json"
      }
    )
  })

  it("states the defaults of a recording, of a playback and of a callback", () => {
    const request = ConnectRequest.twoNumbers({
      ...numbers,
      recording: {},
      startPlayback: { url: "https://example.com/notice.wav" },
      statusCallback: { url: Redacted.make("https://example.com/status") }
    })
    assert.include(form(request), {
      Record: "true",
      RecordingChannels: "single",
      RecordingFormat: "mp3",
      StartPlaybackToNew: "Callee",
      "StatusCallbackEvents[0]": "terminal"
    })
    assert.notProperty(form(request), "StatusCallbackContentType")
  })

  it("keeps a plus, brackets and other letters when it is encoded", () => {
    const request = ConnectRequest.flow({
      ...flow,
      customField: "आदेश + 17",
      statusCallback: { url: "https://example.com/?a=1&b=2" }
    })
    deepStrictEqual(
      Object.fromEntries(new URLSearchParams(String(encode(request, account)))),
      form(request)
    )
    assert.include(String(encode(request, account)), "From=%2B918012345678&")
  })
})

/** Fields that callers without types may pass, and the start of the reason. */
const invalid: ReadonlyArray<readonly [fields: Record<string, unknown>, reason: string]> = [
  [{ from: "12" }, "from must be a phone number of 3 to 15 digits"],
  [{ from: "+91 80 1234 5678" }, "from must be"],
  [{ from: 918012345678 }, "from must be"],
  [{ from: undefined }, "from must be"],
  [{ from: "sip:a@b,sip:c@d" }, "from must be"],
  [{ to: "sip:agent@example.invalid" }, "to must be a phone number: 3 to 15 digits"],
  [{ to: "1234567890123456" }, "to must be"],
  [{ callerId: "" }, "callerId must be a phone number"],
  [{ callerId: numbers.from }, "from must be the party to call first, not the ExoPhone"],
  [{ callerId: "08012345678" }, "from must be the party to call first, not the ExoPhone"],
  [{ callerId: "918012345678" }, "from must be the party to call first, not the ExoPhone"],
  [{ timeLimit: "14401 seconds" }, "timeLimit must be 1 second to 4 hours"],
  [{ timeLimit: 0 }, "timeLimit must be"],
  [{ timeLimit: "1500 millis" }, "timeLimit must be"],
  [{ timeLimit: Duration.infinity }, "timeLimit must be"],
  [{ timeLimit: "soon" }, "timeLimit must be"],
  [{ ringTimeout: "61 seconds" }, "ringTimeout must be 1 to 60 seconds"],
  [{ ringTimeout: "999 millis" }, "ringTimeout must be"],
  [{ recording: true }, "recording must be false, or channels"],
  [{ recording: { channels: "stereo" } }, "recording must be"],
  [{ customField: "" }, "customField must be 1 to 128 characters long"],
  [{ customField: "x".repeat(129) }, "customField must be"],
  [{ waitUrl: "ftp://example.com/a.wav" }, "waitUrl must be an http or https URL"],
  [{ startPlayback: { url: "a.wav" } }, "startPlayback.url must be"],
  [{ startPlayback: { url: "https://example.com/a.wav", to: "caller" } }, "startPlayback.to must be"],
  [{ maxRetries: 4 }, "maxRetries must be 0, 1, 2 or 3"],
  [{ maxRetries: 0.5 }, "maxRetries must be"],
  [{ statusCallback: { url: "example.com/status" } }, "statusCallback.url must be an http or https URL"],
  [{ statusCallback: { url: "https://example.com", events: [] } }, "statusCallback.events must be"],
  [{ statusCallback: { url: "https://example.com", events: ["ringing"] } }, "statusCallback.events must be"],
  [
    { statusCallback: { url: "https://example.com", contentType: "text/plain" } },
    "statusCallback.contentType must be"
  ],
  [{ appId: "29281" }, "appId is not a field of this request"],
  [{ timelimit: "1 hour" }, "timelimit is not a field of this request"]
]

const reasonOf = (request: ConnectRequest.ConnectRequest) =>
  Either.match(check(request), { onLeft: (error) => error.message, onRight: () => "accepted" })

describe("an invalid request", () => {
  for (const [fields, reason] of invalid) {
    it(`is refused with its field named: ${reason}`, () => {
      const message = reasonOf(ConnectRequest.twoNumbers({ ...numbers, ...fields } as typeof numbers))
      assert.isTrue(message.startsWith(`The request was not sent: ${reason}`), message)
      for (const value of Object.values(fields)) {
        if (typeof value === "string" && value !== "") assert.notInclude(message, value)
      }
    })
  }

  it("to a flow names the app id, a number to connect to and a content type", () => {
    const reason = (fields: object) => reasonOf(ConnectRequest.flow({ ...flow, ...fields }))
    assert.include(reason({ appId: "../x" }), "appId must be letters and digits only")
    assert.include(reason({ to: "08087654321" }), "to is not a field of this request")
    assert.include(
      reason({ statusCallback: { url: "https://example.com", contentType: "application/json" } }),
      "statusCallback.contentType is not a field of this request"
    )
  })

  it("of another tag is refused", () => {
    for (const _tag of ["StreamBot", "toString"]) {
      assert.include(reasonOf({ ...numbers, _tag } as never), "must be made by ConnectRequest.twoNumbers")
    }
  })

  it("at the limits is accepted", () => {
    for (
      const fields of [
        { from: "123", timeLimit: "1 second", ringTimeout: "1 second", customField: "x", maxRetries: 3 },
        { from: "+123456789012345", customField: "x".repeat(128) },
        { from: "18012345678", callerId: "08012345678" }
      ] as const
    ) assert.strictEqual(reasonOf(ConnectRequest.twoNumbers({ ...numbers, ...fields })), "accepted")
  })
})

describe("a request as a value", () => {
  const requests = [
    ConnectRequest.twoNumbers({
      ...numbers,
      timeLimit: "1 hour",
      recording: { channels: "dual" },
      customField: "reminder of Canary Fernandes",
      waitUrl: "https://example.com/wait-s3cret.wav",
      startPlayback: { url: "https://example.com/play-s3cret.wav" },
      statusCallback: { url: "https://example.com/status/s3cret", events: ["terminal"] }
    }),
    ConnectRequest.flow({ ...flow, statusCallback: { url: "https://example.com/status/s3cret" } })
  ]

  it.effect("survives encoding to JSON and back", () =>
    Effect.forEach(requests, (request) =>
      Effect.gen(function*() {
        const json = Schema.parseJson(ConnectRequest.ConnectRequest)
        const text = yield* Schema.encode(json)(request)
        const decoded = yield* Schema.decode(json)(text)
        deepStrictEqual(decoded, request)
        deepStrictEqual(form(decoded), form(request))
      })))

  it.effect("hides its numbers, custom field and URLs when it is printed or logged", () =>
    Effect.forEach(requests, (request) =>
      Effect.gen(function*() {
        const [, output] = yield* record(logInEveryWay(request))
        const text = [output, printed(request), printed({ nested: [request] }), String(request)].join("\n")
        assert.include(text, request._tag)
        for (const secret of [numbers.from, numbers.to, numbers.callerId, "s3cret", "Canary Fernandes"]) {
          assert.notInclude(text, secret)
        }
      })))
})

describe("the forms of a number", () => {
  it("are three for an Indian one, as given first, and one for another", () => {
    deepStrictEqual(numberForms("8012345678"), ["8012345678", "08012345678", "+918012345678"])
    deepStrictEqual(numberForms("08012345678"), ["08012345678", "+918012345678"])
    deepStrictEqual(numberForms("918012345678"), ["918012345678", "08012345678", "+918012345678"])
    for (const other of ["+442071234567", "442071234567", "80123456", "1800"]) {
      deepStrictEqual(numberForms(other), [other])
    }
  })
})

describe("the values that are masked", () => {
  it("have at least four characters, and are also masked as they are encoded", () => {
    const values = personalValues(
      new URLSearchParams({ From: "0801", To: "080", CustomField: "a b c", Limit: "60000" })
    )
    deepStrictEqual(values, ["0801", "0801", "a b c", "a%20b%20c"])
  })
})
