/** The decoders that are fuzzed, and the rules that each input is checked against. Only the public interface is used. */
import {
  Call,
  CallDecoder,
  ConnectRequest,
  ExotelCalls,
  type ExotelError,
  RequestBudget,
  RetryPolicy,
  StatusCallback
} from "@effect-exotel/core"
import { FleetState, WatchToken } from "@effect-exotel/watch"
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { Chunk, Effect, Either, Equal, Redacted, Schema, Stream } from "effect"
import { File, parse } from "../../src/scriptFile.ts"
import * as Documents from "./documents.ts"
import { inBothFormats } from "./formats.ts"
import { canary, type Chance, mutateValues } from "./mutate.ts"

/** The outcome of an input, in short, and the rules that it broke. */
export interface Verdict {
  readonly signature: string
  readonly broken: ReadonlyArray<string>
}

export interface Target {
  readonly name: string
  readonly documents: (seed: number) => ReadonlyArray<string>
  /** A check that takes longer is a finding. */
  readonly maxMillis: number
  /** Default: changes of tokens. */
  readonly mutate?: (random: Chance, document: string, other: string) => string
  readonly check: (input: string, random: Chance) => Effect.Effect<Verdict>
}

const unquoted = (text: string): string =>
  text.replace(/\\u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))

/** Values of the input that the error shows: phone numbers, and the canary unless Exotel's message is quoted. */
const leaks = (
  input: string,
  error: Error & { readonly sid?: string | undefined }
): ReadonlyArray<string> => {
  const shown = unquoted(`${error.message}\n${JSON.stringify(error)}\n${String(error)}`)
  const phones = new Set(input.match(/\d{7,}/g))
  const found = [...phones].filter((phone) => shown.includes(phone) && error.sid?.includes(phone) !== true)
  if ("exotelMessage" in error && error.exotelMessage !== undefined) return found
  return shown.toLowerCase().includes(canary.toLowerCase()) ? [...found, canary] : found
}

const leakRule = (input: string, error: Error & { readonly sid?: string | undefined }) =>
  leaks(input, error).map((value) => `the error shows ${value}`)

/** Without the values, so that alike errors have one signature. */
const describe = (error: object & { readonly _tag: string }): string =>
  ["_tag", "reason", "path", "detail", "status", "code"]
    .flatMap((name) => name in error ? [String(error[name as keyof typeof error]).replaceAll(/\d{2,}/g, "n")] : [])
    .join(" ")

const verdict = (signature: string, broken: ReadonlyArray<string> = []): Verdict => ({ signature, broken })

/** Makes the check that a value equals what it encodes to, decoded again. */
const roundTripOf = <A, I>(schema: Schema.Schema<A, I>): (value: A) => ReadonlyArray<string> => {
  const encode = Schema.encodeEither(schema)
  const decode = Schema.decodeUnknownEither(schema)
  const isSame = Schema.equivalence(schema)
  return (value) =>
    Either.match(Either.flatMap(encode(value), (encoded) => decode(JSON.parse(JSON.stringify(encoded)))), {
      onLeft: (error) => [`it does not decode again: ${error.message}`],
      onRight: (again) => isSame(again, value) ? [] : ["it decodes to another value when it was encoded"]
    })
}

const callRoundTrip = roundTripOf(Call.Call)
const callbackRoundTrip = roundTripOf(StatusCallback.StatusCallback)

const decodeCall = (body: string) => Effect.either(CallDecoder.fromBody(body))

const callTarget: Target = {
  name: "call",
  maxMillis: 10,
  documents: (seed) => [...Documents.calls(seed), ...Documents.errors],
  check: (input) =>
    Effect.map(
      decodeCall(input),
      Either.match({
        onLeft: (error) => verdict(describe(error), leakRule(input, error)),
        onRight: (call) =>
          verdict(
            `call ${call.status.length > 20 ? "long" : Call.isTerminal(call)} ${call.unreadable.join()}`,
            callRoundTrip(call)
          )
      })
    )
}

/** A client that sends nothing: each request is answered with the given response. */
interface Client {
  readonly calls: ExotelCalls.Service
  readonly respond: (status: number, body: string) => void
}

const encoder = new TextEncoder()

const makeClient: Effect.Effect<Client> = Effect.gen(function*() {
  let next = { status: 200, body: "" }
  const client = HttpClient.make((request) => {
    const response = HttpClientResponse.fromWeb(request, new Response(null, { status: next.status }))
    // A stream that needs no turn of the event loop.
    return Effect.succeed(Object.create(response, { stream: { value: Stream.succeed(encoder.encode(next.body)) } }))
  })
  const options = {
    apiKey: Redacted.make("fuzzed-key"),
    apiToken: Redacted.make("fuzzed-token"),
    accountSid: "acme1m",
    region: "mumbai" as const,
    regionProbe: "never" as const
  }
  const calls = yield* ExotelCalls.make(options).pipe(
    Effect.provide(RequestBudget.layerUnlimited),
    Effect.provideService(HttpClient.HttpClient, client),
    Effect.orDie
  )
  return { calls, respond: (status, body) => void (next = { status, body }) }
})

const stub = Effect.runSync(makeClient)

const once = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.either(Effect.provideService(effect, RetryPolicy.RetryPolicy, RetryPolicy.none))

/** The calls of a page, and the error that ended the reading. */
const readPage = (body: string) =>
  Effect.suspend(() => {
    stub.respond(200, body)
    return once(Stream.runCollect(Stream.take(stub.calls.listEnded(), 200)))
  })

const pageTarget: Target = {
  name: "page",
  maxMillis: 10,
  documents: (seed) => [...Documents.pages(seed), ...Documents.errors.slice(0, 6)],
  check: (input) =>
    Effect.map(
      readPage(input),
      Either.match({
        onLeft: (error) => verdict(describe(error), leakRule(input, error)),
        onRight: (calls) =>
          verdict(`page ${Chunk.size(calls)}`, Chunk.toArray(calls).flatMap((call) => callRoundTrip(call)))
      })
    )
}

const statuses = [200, 201, 204, 400, 401, 403, 404, 408, 429, 500, 502, 503, 302]

/** The status depends on the input alone, so that an input can be repeated. */
const statusOf = (input: string) => statuses[input.length % statuses.length] ?? 200

const errorTarget: Target = {
  name: "error",
  maxMillis: 10,
  documents: (seed) => [...Documents.errors, ...Documents.calls(seed).slice(0, 20)],
  check: (input) =>
    Effect.suspend(() => {
      const status = statusOf(input)
      stub.respond(status, input)
      return Effect.map(
        once(stub.calls.get("abc1")),
        Either.match({
          onLeft: (error: ExotelError.ExotelError) =>
            verdict(describe(error), [
              ...leakRule(input, error),
              ...(status >= 400 && error._tag === "ResponseParseError"
                ? ["a failure is reported as a body that cannot be read"]
                : [])
            ]),
          onRight: () => verdict(`call ${status}`, status >= 300 ? ["a failure is read as a call"] : [])
        })
      )
    })
}

const request = ConnectRequest.twoNumbers({ from: "+918000000001", to: "08000000002", callerId: "08000000003" })

const connectTarget: Target = {
  name: "connect",
  maxMillis: 10,
  documents: (seed) => [...Documents.errors, ...Documents.calls(seed)],
  check: (input) =>
    Effect.suspend(() => {
      const status = statusOf(input)
      // Only these statuses prove that no call was placed.
      const isRefusal = status >= 400 && status < 500 && status !== 408
      stub.respond(status, input)
      return Effect.map(
        once(stub.calls.connect(request)),
        Either.match({
          onLeft: (error) =>
            verdict(`${status} ${describe(error)}`, [
              ...leakRule(input, error),
              ...(!isRefusal && error._tag !== "CallOutcomeUnknown"
                ? [`status ${status} is read as proof that no call was placed`]
                : [])
            ]),
          onRight: (call) =>
            verdict(`${status} call`, status >= 300 ? [`status ${status} is read as a call`] : callRoundTrip(call))
        })
      )
    })
}

/** Both bodies mean the same, so both decode to the same. */
const formatsTarget: Target = {
  name: "formats",
  // Decodes twice.
  maxMillis: 20,
  mutate: mutateValues,
  documents: (seed) =>
    [...Documents.calls(seed), ...Documents.pages(seed), ...Documents.errors].filter((each) => each.startsWith("{")),
  check: (input, random) => {
    const value = Either.try(() => JSON.parse(input) as unknown)
    const bodies = Either.isLeft(value) ? undefined : inBothFormats(random, value.right)
    if (bodies === undefined) return Effect.succeed(verdict("not comparable"))
    const isPage = "Calls" in bodies.value
    const read = (body: string): Effect.Effect<Either.Either<unknown, { readonly _tag: string }>> =>
      isPage ? readPage(body) : decodeCall(body)
    return Effect.zipWith(read(bodies.json), read(bodies.xml), (json, xml) => {
      const shown = `\n${bodies.json}\n${bodies.xml}`
      if (Either.isLeft(json) && Either.isLeft(xml)) {
        return verdict(
          `both ${json.left._tag}`,
          json.left._tag === xml.left._tag ? [] : [`${json.left._tag} in JSON, ${xml.left._tag} in XML:${shown}`]
        )
      }
      if (Either.isLeft(json)) return verdict("XML only", [`rejected in JSON only, ${describe(json.left)}:${shown}`])
      if (Either.isLeft(xml)) return verdict("JSON only", [`rejected in XML only, ${describe(xml.left)}:${shown}`])
      return verdict(
        "both",
        Equal.equals(json.right, xml.right) ? [] : [`the formats decode to different values:${shown}`]
      )
    })
  }
}

const callbackTarget: Target = {
  name: "callback",
  maxMillis: 10,
  documents: Documents.callbacks,
  check: (input) => {
    const end = input.indexOf("\n")
    const contentType = input.slice(0, end)
    const body = new TextEncoder().encode(input.slice(end + 1))
    return Effect.map(
      Effect.either(StatusCallback.decode({ contentType, body })),
      Either.match({
        onLeft: (error) => verdict(describe(error), leakRule(input, error)),
        onRight: (callback) =>
          verdict(`callback ${callback.status._tag} ${callback.legs.length}`, callbackRoundTrip(callback))
      })
    )
  }
}

const checkJson = <A>(schema: Schema.Schema<A, string>): (input: string) => Verdict => {
  const decode = Schema.decodeUnknownEither(schema)
  const roundTrip = roundTripOf(schema)
  return (input) =>
    Either.match(decode(input), {
      onLeft: (error) => verdict(error.message.replaceAll(/"[^"]*"|\d+/g, "").slice(0, 80)),
      onRight: (value) => verdict("decoded", roundTrip(value))
    })
}

const checkFleet = checkJson(FleetState.FromJson)
const checkToken = checkJson(WatchToken.FromJson)

/** A token has no secrets, so an error of its Schema may show it. */
const tokenTarget: Target = {
  name: "token",
  maxMillis: 10,
  documents: (seed) => [...Documents.tokens(seed), ...Documents.fleets(seed)],
  check: (input) => Effect.sync(() => input.trimStart().startsWith("[") ? checkFleet(input) : checkToken(input))
}

/** Whether a name of the JSON contains the word. A text that is not well-formed has no names. */
const isInName = (input: string, word: string): boolean => {
  let found = false
  const visit = (name: string, value: unknown) => {
    found ||= name.toLowerCase().includes(word.toLowerCase())
    return value
  }
  return Either.isRight(Either.try(() => JSON.parse(input, visit) as unknown)) && found
}

const scriptTarget: Target = {
  name: "script",
  // Each of thousands of mistakes in a developer's own file is reported.
  maxMillis: 300,
  documents: () => Documents.scriptFiles,
  check: (input) =>
    Effect.map(
      Effect.either(parse(input)),
      Either.match({
        onLeft: (error) =>
          verdict(
            error.problems.map((problem) => problem.replaceAll(/\d+/g, "")).sort().slice(0, 2).join(),
            // The path of a problem consists of names.
            leaks(input, error).filter((value) => !isInName(input, value)).map((value) => `the error shows ${value}`)
          ),
        onRight: ({ placements }) => {
          const encode = Schema.encodeEither(File)
          const again = Either.flatMap(Schema.decodeUnknownEither(File)(JSON.parse(input)), (file) =>
            Either.flatMap(encode(file), (encoded) =>
              Either.map(Schema.decodeUnknownEither(File)(JSON.parse(JSON.stringify(encoded))), (second) =>
                JSON.stringify(encode(second)) === JSON.stringify(encode(file)))))
          return verdict(
            `script ${Math.min(9, placements.length)}`,
            Either.match(again, {
              onLeft: (error) => [`it does not decode again: ${error.message}`],
              onRight: (same) =>
                same ? [] : ["it decodes to another file when it was encoded"]
            })
          )
        }
      })
    )
}

export const targets: ReadonlyArray<Target> = [
  callTarget,
  pageTarget,
  errorTarget,
  connectTarget,
  formatsTarget,
  callbackTarget,
  tokenTarget,
  scriptTarget
]
