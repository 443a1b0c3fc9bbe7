/** Credentials and phone numbers appear in no error, span or log line, whatever a server returns. */
import { Call, ConnectError, ConnectRequest, ExotelConfig, ExotelError, RetryPolicy } from "@effect-exotel/core"
import { HttpClient, HttpClientError, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual, notDeepStrictEqual } from "@effect/vitest/utils"
import { DateTime, Effect, Exit, FastCheck as fc, Schema } from "effect"
import { cases, sample } from "../../../scripts/lib/cases.mjs"
import { mask } from "../src/internal/redact/masking.ts"
import {
  callerName,
  leaks,
  logAsFailure,
  logInEveryWay,
  phones,
  printed,
  record,
  reflections
} from "./support/canary.ts"
import { apiKey, apiToken, clients, credentials, makeCalls, sid, withCalls } from "./support/clients.ts"
import { serve } from "./support/server.ts"
import { answered, plain, toJson, toXml } from "./support/wire.ts"

const everything = reflections.join(" and ")
const escaped = everything.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

/** A call whose request holds phone numbers, a name and a URL with a secret. */
const placing = ConnectRequest.twoNumbers({
  from: phones[0],
  to: phones[1],
  callerId: phones[2],
  customField: callerName,
  statusCallback: { url: `https://example.com/${apiToken}`, events: ["terminal"] }
})

/** Returns the credentials and the form it received, and phone numbers, in body and headers. */
const reflecting = (answer: (authorization: string) => Response) =>
  HttpClient.make((request) =>
    Effect.sync(() => {
      const form = request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : ""
      const response = answer(`${request.headers["authorization"] ?? ""} ${form} ${decodeURIComponent(form)}`)
      for (const [i, reflection] of reflections.entries()) {
        response.headers.set(`x-canary-${i}`, encodeURI(reflection))
      }
      return HttpClientResponse.fromWeb(request, response)
    })
  )

const record_ = {
  ...answered,
  sid,
  texts: { ...answered.texts, To: phones[0], From: phones[1], CallerName: callerName }
}

/** As the sid of a placed call, it is shown; a read refuses it. */
const numericSid = "a call with a phone for a sid"

const bodies: Readonly<Record<string, (authorization: string) => string>> = {
  "an error in JSON": (authorization) =>
    JSON.stringify({ RestException: { Message: `${authorization} ${everything}`, Code: phones[0], Status: 403 } }),
  "an error in JSON with a number for a code": () =>
    JSON.stringify({ RestException: { Message: everything, Code: 918012345678, Status: 918012345678 } }),
  "an error in JSON whose message is a record": (authorization) =>
    JSON.stringify({ RestException: { Message: { authorization }, Status: 500 } }),
  "an error in XML": (authorization) =>
    `<TwilioResponse><RestException><Status>404</Status><Message>${authorization} ${escaped}</Message>`
    + `<Code>${phones[0]}</Code></RestException></TwilioResponse>`,
  "an error in XML as root": () => `<RestException><Status>429</Status><Message>${escaped}</Message></RestException>`,
  "an error with a long message": (authorization) =>
    JSON.stringify({ RestException: { Status: 400, Message: `${`${authorization} ${everything} `.repeat(30)}` } }),
  "a web page": (authorization) => `<html><body>${authorization} ${everything}</body></html>`,
  "plain text": (authorization) => `${authorization} ${everything}`,
  "a call": () => toJson(record_, plain()),
  "a call that was cut off": () => toXml(record_, plain()).slice(0, 400),
  "a call with phones where a number belongs": () =>
    JSON.stringify({ Call: { Sid: sid, Status: "busy", Duration: phones[0], Price: phones[1], EndTime: phones[2] } }),
  [numericSid]: () => JSON.stringify({ Call: { Sid: "918012345678", Status: callerName } }),
  "a call with phones for names": () => JSON.stringify({ Call: { [phones[0]]: phones[1], Sid: null } }),
  "a call with a phone for a leg": () =>
    JSON.stringify({ Call: { Sid: sid, Status: "busy", Details: { Legs: [{ Leg: { Id: phones[1] } }] } } }),
  "an element with a phone for a name": () =>
    `<TwilioResponse><_08012345678>${phones[0]}</_08012345678></TwilioResponse>`,
  "a root with a key for a name": () => `<a${apiKey}></a${apiKey}>`
}

const anyError = Schema.Union(ExotelError.ExotelError, ConnectError.ConnectError)

const statuses = [200, 302, 400, 401, 403, 404, 429, 503]

/** Reads in both ways, verifies, places a call and looks for it over this client, and logs all results. */
const program = (
  client: HttpClient.HttpClient,
  options: Partial<ExotelConfig.CommonOptions> & (ExotelConfig.Endpoint | { region?: never; baseUrl?: never }) = {},
  places = true
) =>
  Effect.gen(function*() {
    const calls = yield* makeCalls({ ...credentials, region: "mumbai", ...options })
    const outcomes = [
      yield* Effect.either(calls.get(sid)),
      yield* Effect.either(calls.getWithDetails(sid)),
      yield* Effect.either(calls.verify),
      ...(places ? [yield* Effect.either(calls.connect(placing))] : []),
      yield* Effect.either(calls.findPlaced(placing, DateTime.unsafeMake(0)))
    ]
    yield* Effect.forEach(
      outcomes,
      (outcome) => outcome._tag === "Left" ? logAsFailure(outcome.left) : logInEveryWay(outcome.right)
    )
    return outcomes
  }).pipe(
    Effect.provideService(HttpClient.HttpClient, client),
    Effect.provideService(RetryPolicy.RetryPolicy, RetryPolicy.none),
    Effect.withSpan("program")
  )

const assertSilent = (text: string, what: string) => deepStrictEqual(leaks(text), [], what)

const errorsOf = (outcomes: ReadonlyArray<{ readonly _tag: string }>) =>
  outcomes.flatMap((outcome) =>
    outcome._tag === "Left"
      ? [(outcome as unknown as { left: ExotelError.ExotelError | ConnectError.ConnectError }).left]
      : []
  )

describe("a search for secrets", () => {
  it("finds each of them in a text", () => {
    for (const reflection of reflections) notDeepStrictEqual(leaks(reflection), [], reflection)
    notDeepStrictEqual(leaks(printed({ a: [new Error(`x ${apiToken}`)] })), [])
  })

  it.effect("finds them in spans and logs", () =>
    Effect.gen(function*() {
      const [, output] = yield* record(
        Effect.withSpan(Effect.log("x", { y: phones[0] }), "x", { attributes: { apiKey } })
      )
      assert.includeMembers([...leaks(output)], [phones[0], apiKey.slice(0, 16)])
    }))

  for (const [index, [what, body]] of Object.entries(bodies).entries()) {
    it.effect(
      `finds none when a server returns ${what}, under any status`,
      () =>
        Effect.forEach(sample(statuses, index), (status) =>
          Effect.gen(function*() {
            const client = reflecting((authorization) =>
              new Response(body(authorization), {
                status,
                headers: { "retry-after": phones[0], location: `https://${apiKey}:${apiToken}@example.com` }
              })
            )
            const [outcomes, output] = yield* record(program(client, {}, what !== numericSid))
            assertSilent(output, `logs and spans under ${status}`)
            for (const error of errorsOf(outcomes)) {
              assertSilent(printed(error), `${error._tag} under ${status}`)
              assertSilent(
                JSON.stringify(yield* Schema.encode(anyError)(error)),
                `${error._tag}, encoded`
              )
            }
          }), { discard: true }),
      60_000
    )
  }

  it.effect("finds none when the HTTP client fails with all that it holds", () =>
    Effect.gen(function*() {
      for (const code of ["ECONNREFUSED", "ECONNRESET", "CERT_HAS_EXPIRED", apiKey, undefined]) {
        const client = HttpClient.make((request, url) =>
          Effect.fail(
            new HttpClientError.RequestError({
              request,
              reason: "Transport",
              description: everything,
              cause: Object.assign(new Error(everything, { cause: { request, code } }), { code, url, everything })
            })
          )
        )
        const [outcomes, output] = yield* record(program(client))
        assertSilent(output, "logs and spans")
        for (const error of errorsOf(outcomes)) assertSilent(printed(error), String(code))
      }
    }))

  for (const [name, layer] of Object.entries(clients)) {
    it.live(
      `finds none over ${name} when a server returns the credentials or closes the connection`,
      () =>
        Effect.gen(function*() {
          let n = 0
          const server = yield* serve((request, response) => {
            const authorization = request.headers.authorization ?? ""
            n++
            response.writeHead(n % 2 === 0 ? 401 : 400, {
              "x-reflected": authorization,
              "set-cookie": `a=${authorization}`
            })
            const body = JSON.stringify({
              RestException: { Message: `${authorization} ${phones.join(" ")}`, Status: 400 }
            })
            if (n > 4) response.write(body.slice(0, 20), () => request.socket.destroy())
            else response.end(body)
          })
          for (let i = 0; i < 3; i++) {
            const client = yield* HttpClient.HttpClient
            const [outcomes, output] = yield* record(program(client, { baseUrl: server.url }))
            assertSilent(output, "logs and spans")
            assert.isNotEmpty(errorsOf(outcomes))
            for (const error of errorsOf(outcomes)) assertSilent(printed(error), error._tag)
          }
        }).pipe(Effect.scoped, Effect.provide(layer)),
      30_000
    )
  }

  it.effect("finds none when a decoded call is logged or attached to a span", () =>
    Effect.gen(function*() {
      for (const body of [toJson(record_, plain()), toXml(record_, plain())]) {
        const client = reflecting(() => new Response(body))
        const [call, output] = yield* record(
          withCalls({ region: "mumbai" }, (calls) => Effect.tap(calls.getWithDetails(sid), logInEveryWay)).pipe(
            Effect.provideService(HttpClient.HttpClient, client)
          )
        )
        assertSilent(output, "logs and spans")
        assert.include(output, "completed", "what is not personal is shown")
        assertSilent(String(call), "as a string")
        // Who encodes it wants all of it.
        assert.include(JSON.stringify(yield* Schema.encode(Call.Call)(call)), phones[0])
      }
    }))

  it.effect("finds none when the configuration or the service is printed", () =>
    Effect.gen(function*() {
      const client = reflecting(() => new Response(""))
      const config = yield* ExotelConfig.make({ ...credentials, region: "mumbai" })
      const calls = yield* Effect.provideService(
        makeCalls({ ...credentials, region: "mumbai" }),
        HttpClient.HttpClient,
        client
      )
      const parts = [
        credentials,
        config,
        calls,
        calls.verify,
        calls.get(sid),
        calls.getWithDetails(sid),
        calls.connect(placing)
      ]
      const [, output] = yield* record(Effect.forEach(parts, logInEveryWay))
      assertSilent(output, "logs and spans")
      for (const [i, part] of parts.entries()) assertSilent(printed(part), `part ${i}`)
    }))

  it.effect("finds none when a read dies or is interrupted", () =>
    Effect.gen(function*() {
      const client = HttpClient.make(() => Effect.interrupt)
      const [exit, output] = yield* record(Effect.exit(program(client)))
      assert.isTrue(Exit.isFailure(exit))
      assertSilent(output + printed(exit), "an interruption")
    }))
})

describe("a quoted message of Exotel", () => {
  it.effect("keeps its words", () =>
    Effect.gen(function*() {
      const message = "Your account's KYC is not complete; number 080-1234-5678 is on the register"
      const client = reflecting(() =>
        new Response(JSON.stringify({ RestException: { Status: 403, Message: message, Code: "340030" } }), {
          status: 403
        })
      )
      const [outcomes] = yield* record(program(client))
      const [error] = errorsOf(outcomes)
      assert.deepInclude(error, {
        _tag: "AccessDenied",
        code: 340_030,
        exotelMessage: "Your account's KYC is not complete; number <redacted> is on the register"
      })
    }))

  const secrets = [apiKey, "short", "s3cr3t"]
  it.prop(
    "contains no secret and no part of one, at any position and length",
    [fc.nat({ max: 1200 }), fc.constantFrom(...secrets, ...phones), fc.constantFrom(" ", "x ", "é ", `${apiKey} `)],
    ([length, secret, filler]) => {
      const before = filler.repeat(Math.ceil(length / filler.length))
      const masked = mask(`${before} ${secret} ${secret}`, secrets)
      for (let n = 4; n <= secret.length; n++) {
        const part = secret.slice(0, n)
        // The last character may be what marks the cut.
        assert.isFalse(masked.includes(part), `${masked} shows ${part}`)
      }
      assert.isAtMost(masked.length, 200)
    },
    { fastCheck: { numRuns: cases(2000) } }
  )

  for (
    const phone of [
      "08012345678",
      "+918012345678",
      "+91 80 1234 5678",
      "+91 (80) 1234-5678",
      "(080) 1234  5678",
      "080.1234.5678",
      "080/1234/5678",
      "0 8 0 1 2 3 4 5 6 7 8",
      "080 – 1234 – 5678",
      "080\u00a01234\u00a05678",
      "080\u20111234\u20115678",
      "०८०१२३४५६७८",
      "sip:agent.one@example.invalid",
      "sips:+918012345678@example.invalid;transport=tls"
    ]
  ) {
    it(`hides ${phone}`, () => {
      assert.strictEqual(mask(`before ${phone} after`, []), "before <redacted> after")
    })
  }

  it("keeps short numbers", () => {
    assert.strictEqual(
      mask("at most 5 of 100 within 60 s (code 34010)", []),
      "at most 5 of 100 within 60 s (code 34010)"
    )
    assert.strictEqual(mask("", []), "")
  })
})
