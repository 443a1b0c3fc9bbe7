/** Valid documents that the fuzzed ones are made of. Every text in them is a phone number, a canary or not secret. */
import { Arbitraries } from "@effect-exotel/testing"
import { WatchToken } from "@effect-exotel/watch"
import { FastCheck, Schema } from "effect"
import { canary } from "./mutate.ts"

const sample = <A>(arbitrary: FastCheck.Arbitrary<A>, seed: number, numRuns: number): Array<A> =>
  FastCheck.sample(arbitrary, { seed, numRuns })

const inner = (body: string): string => body.slice("{\"Call\":".length, -1)

const elements = (body: string): string =>
  body.replace(/^<\?xml[^>]*>\s*/, "").replace(/^<TwilioResponse>/, "").replace(/<\/TwilioResponse>\s*$/, "")

export const calls = (seed: number): ReadonlyArray<string> =>
  sample(Arbitraries.wireCall, seed, 60).flatMap(({ json, xml }) => [json, xml])

export const errors: ReadonlyArray<string> = [
  ...[[401, 34001], [403, 34010], [404, 34011], [429, 34012], [500, 1], [200, 0]].flatMap(([status, code]) => [
    `{"RestException":{"Status":${status},"Message":"Call to +919845011223 not possible, TRAI NDNC","Code":"${code}"}}`,
    `<TwilioResponse><RestException><Status>${status}</Status><Message>No &amp; 09845011223</Message><Code>${code}</Code></RestException></TwilioResponse>`,
    `<RestException><Status>${status}</Status><Message/></RestException>`
  ]),
  "<html><body>Bad Gateway</body></html>",
  "{\"Account\":{\"Sid\":\"acme1m\",\"AuthToken\":\"09845011223\"}}"
]

export const pages = (seed: number): ReadonlyArray<string> => {
  const bodies = sample(Arbitraries.wireCall, seed, 60)
  return [0, 1, 2, 3, 5].flatMap((count) => {
    const page = bodies.slice(count * 5, count * 6)
    const metadata = { Total: count, PageSize: 50, FirstPageUri: "/v1/x?a=1", NextPageUri: null }
    return [
      `{"Metadata":${JSON.stringify(metadata)},"Calls":[${page.map(({ json }) => inner(json)).join(",")}]}`,
      `<TwilioResponse><Metadata><Total>${count}</Total><NextPageUri/></Metadata><Calls>${
        page.map(({ xml }) => elements(xml)).join("")
      }</Calls></TwilioResponse>`
    ]
  })
}

/** A content type, a line break, and the body. */
export const callbacks = (seed: number): ReadonlyArray<string> =>
  sample(Arbitraries.callSid, seed, 6).flatMap((sid) => {
    const fields: ReadonlyArray<readonly [string, string]> = [
      ["CallSid", sid],
      ["EventType", "terminal"],
      ["Status", "completed"],
      ["Direction", "outbound-api"],
      ["CustomField", `${canary} & + %`],
      ["ConversationDuration", "12"],
      ["To", "+919845011223"],
      ["Legs[0][Status]", "completed"],
      ["Legs[0][OnCallDuration]", "20"],
      ["Legs[1][AnsweredBy]", "human"]
    ]
    const parts = fields.map(([name, value]) =>
      `--XX\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
    )
    const json = {
      ...Object.fromEntries(fields.slice(0, 7)),
      Legs: [{ OnCallDuration: 20, Status: "completed" }, { AnsweredBy: "human" }]
    }
    return [
      `application/x-www-form-urlencoded\n${new URLSearchParams(fields.map(([name, value]) => [name, value]))}`,
      `multipart/form-data; boundary=XX\npreamble\r\n${parts.join("")}--XX--\r\n`,
      `multipart/form-data; boundary="XX"\n${parts.join("").replaceAll("\r\n", "\n")}--XX--\n`,
      `application/json\n${JSON.stringify(json)}`
    ]
  })

const instant = FastCheck.integer({ min: 1_700_000_000_000, max: 1_800_000_000_000 })
const flag = FastCheck.option(FastCheck.constant(true), { nil: undefined })

export const tokens = (seed: number): ReadonlyArray<string> =>
  sample(
    FastCheck.record({
      sid: Arbitraries.callSid,
      startedAt: instant,
      deadlineAt: instant,
      seen: FastCheck.record({
        status: FastCheck.constantFrom("completed", "busy", "in-progress"),
        fingerprint: FastCheck.string(),
        changedAt: instant
      }),
      endedAt: FastCheck.option(instant, { nil: undefined }),
      settled: flag,
      stalled: flag,
      detailed: flag
    }),
    seed,
    30
  ).map((fields) => JSON.stringify({ version: 1, ...fields }))

export const fleets = (seed: number): ReadonlyArray<string> => {
  const each = tokens(seed).filter((token) => Schema.decodeUnknownOption(WatchToken.FromJson)(token)._tag === "Some")
  return [`[${each.join(",")}]`, `[${each.slice(0, 2).join(",")}]`, "[]"]
}

export const scriptFiles: ReadonlyArray<string> = [
  {
    accounts: [{ accountSid: "acme1m", apiKey: canary, apiToken: `${canary}-token`, region: "mumbai" }],
    timeZone: "Asia/Kolkata",
    requestsPerMinute: 60,
    retryAfter: "seconds",
    bulkLag: "10 seconds",
    wrongRegion: 401,
    unknownCall: 404,
    wireFormat: { numbers: "string", jsonEmpty: "absent", xmlEmpty: "pair", escapedSlashes: true },
    calls: [{
      script: {
        kind: "answered",
        ring: "8 seconds",
        connect: "1 second",
        talk: "1.5 minutes",
        legs: 2,
        price: "1.500"
      },
      sid: "abc1",
      at: "1 second",
      from: "+919845011223",
      to: "09845011223",
      exoPhone: "02248000000"
    }, { script: { kind: "busy", ring: "2 millis" }, repeat: { every: "10 seconds", times: 3 } }],
    statusCallback: {
      url: "http://127.0.0.1:1/x",
      contentType: "form",
      events: ["answered"],
      copies: 2,
      delay: "1 nano"
    }
  },
  {
    calls: [{
      script: {
        kind: "custom",
        phases: [{ status: "ringing", duration: "Infinity", parties: 1 }, { status: "x", duration: "2 hours" }],
        ending: { status: "completed", leg1Status: "completed" },
        settles: "20 seconds",
        price: null,
        answeredBy: null,
        recording: true
      }
    }],
    connect: {
      byNumber: [{ number: "+919845011223", outcomes: [{ kind: "busy" }, { kind: "noAnswer", leg: 2 }] }],
      inOrder: [{ kind: "inbound", stages: true, queue: "3 seconds" }],
      default: { kind: "canceled" }
    }
  },
  {
    calls: [{ sid: "abc1", script: { kind: "failed", settles: "1 minute", direction: canary } }],
    faults: [
      { kind: "status", status: 503, retryAfter: "9", body: "html", onRequest: [1, 2], forCall: "abc1" },
      { kind: "stalled", at: "body", duration: "4 seconds", between: ["1 second", "2 minutes"], optional: true },
      { kind: "slowBody", bytes: 10, every: "300 millis", probability: 0.5, times: 3 },
      { kind: "truncated", keep: 0.25, operation: "list" },
      { kind: "body", body: canary, placesCall: true },
      { kind: "malformed", field: "Status", value: "09845011223" }
    ]
  }
].map((file) => JSON.stringify(file))
