/**
 * Checks of what Exotel does, which run against the fake wire, the loopback server and the real service. Where the fake
 * and the real Exotel differ, this suite fails first.
 */
import * as Call from "@effect-exotel/core/Call"
import * as CallStatus from "@effect-exotel/core/CallStatus"
import * as ConnectRequest from "@effect-exotel/core/ConnectRequest"
import * as ExotelCalls from "@effect-exotel/core/ExotelCalls"
import * as ExotelConfig from "@effect-exotel/core/ExotelConfig"
import * as Region from "@effect-exotel/core/Region"
import * as RequestBudget from "@effect-exotel/core/RequestBudget"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/**
 * The subject: an account that can be read, and calls of it.
 */
export interface Subject {
  readonly options: ExotelConfig.Options
  /** A call that has ended `completed`, has two legs, and whose record has settled; not older than 31 days. */
  readonly completed: string
  /** A call that ended without being answered, if there is one. */
  readonly unanswered?: string | undefined
  /** A call that has not ended, if there is one. */
  readonly ongoing?: string | undefined
  /** Numbers between which calls may be placed, if there are such. Two calls are placed. */
  readonly callable?: { readonly from: string; readonly to: string; readonly callerId: string } | undefined
}

/**
 * The expected and the actual value. Personal values are left out.
 */
export class ConformanceFailure
  extends Schema.TaggedError<ConformanceFailure>("@effect-exotel/testing/ConformanceFailure")("ConformanceFailure", {
    expected: Schema.String,
    actual: Schema.String
  })
{
  override get message(): string {
    return `Expected ${this.expected}, but found ${this.actual}.`
  }
}

/**
 * One thing that Exotel does.
 */
export interface Check {
  /** A sentence. */
  readonly name: string
  /** Whether the subject has what the check needs. */
  readonly applies: (subject: Subject) => boolean
  readonly run: (subject: Subject) => Effect.Effect<void, ConformanceFailure, HttpClient.HttpClient>
}

const expect = (holds: boolean, expected: string, actual: string): Effect.Effect<void, ConformanceFailure> =>
  holds ? Effect.void : new ConformanceFailure({ expected, actual })

const calls = (
  options: ExotelConfig.Options
): Effect.Effect<ExotelCalls.Service, ConformanceFailure, HttpClient.HttpClient> =>
  Effect.mapError(
    Effect.provide(ExotelCalls.make(options), RequestBudget.layerMemory(options)),
    () => new ConformanceFailure({ expected: "options that are usable", actual: "a ConfigError" })
  )

type Reader = "get" | "getWithDetails"

const read = (
  subject: Subject,
  sid: string,
  how: Reader = "getWithDetails",
  options?: Partial<ExotelConfig.CommonOptions> & (ExotelConfig.Endpoint | { region?: never; baseUrl?: never })
) =>
  Effect.flatMap(calls({ ...subject.options, ...options }), (service) => service[how](sid)).pipe(
    Effect.catchAll((error) =>
      error._tag === "ConformanceFailure"
        ? error
        : new ConformanceFailure({ expected: "a call", actual: error._tag })
    )
  )

/** The tag of the error with which a read fails. */
const failing = (
  subject: Subject,
  sid: string,
  options: Partial<ExotelConfig.CommonOptions> & (ExotelConfig.Endpoint | { region?: never; baseUrl?: never }),
  expected: string
) =>
  Effect.flatMap(
    calls({ ...subject.options, ...options }),
    (service) =>
      Effect.matchEffect(service.get(sid), {
        onSuccess: () => new ConformanceFailure({ expected, actual: "a call" }),
        onFailure: (error) => expect(error._tag === expected, expected, error._tag)
      })
  )

const present = (call: Call.Call, ...fields: ReadonlyArray<keyof Call.Call>) =>
  Effect.forEach(fields, (field) => {
    const value: unknown = call[field]
    return expect(Option.isOption(value) && Option.isSome(value), `${String(field)} to be there`, "nothing")
  }, { discard: true })

const baseUrlOf = (options: ExotelConfig.Options): string =>
  options.baseUrl === undefined ? Region.baseUrls[options.region ?? "singapore"] : String(options.baseUrl)

const execute = ({ options }: Subject, request: HttpClientRequest.HttpClientRequest) =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const prefix = `${baseUrlOf(options)}/v1/Accounts/${options.accountSid}`
    const response = yield* client.execute(
      request.pipe(HttpClientRequest.prependUrl(prefix), HttpClientRequest.basicAuth(options.apiKey, options.apiToken))
    )
    return { status: response.status, text: yield* response.text }
  }).pipe(
    Effect.scoped,
    Effect.mapError(() => new ConformanceFailure({ expected: "an answer", actual: "none" }))
  )

/** A raw response, for facts that the client does not expose. */
const raw = (subject: Subject, path: string) => execute(subject, HttpClientRequest.get(path))

const multipart = (fields: Readonly<Record<string, string>>): string =>
  Object.entries(fields).map(([name, value]) =>
    `--fields\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  ).join("") + "--fields--\r\n"

/** The fields of a connect request, without recording. */
const connectFields = ({ callable }: Subject): Readonly<Record<string, string>> => ({
  From: callable?.from ?? "",
  To: callable?.to ?? "",
  CallerId: callable?.callerId ?? "",
  Record: "false"
})

const Page = Schema.parseJson(Schema.Struct({
  Metadata: Schema.Struct({ Total: Schema.Number }),
  Calls: Schema.Array(Schema.Struct({ Sid: Schema.String, Status: Schema.String }))
}))

const list = (subject: Subject, query: string) =>
  Effect.gen(function*() {
    const { status, text } = yield* raw(subject, `/Calls.json?${query}`)
    yield* expect(status === 200, "status 200", `status ${status}`)
    return yield* Effect.mapError(
      Schema.decodeUnknown(Page)(text),
      () => new ConformanceFailure({ expected: "a page of calls", actual: "another body" })
    )
  })

const always = () => true
const unknownSid = "0".repeat(32)

const check = (name: string, run: Check["run"], applies: Check["applies"] = always): Check => ({ name, applies, run })

const readSuite: ReadonlyArray<Check> = [
  check("a settled completed call has its times, duration, price and direction", (subject) =>
    Effect.gen(function*() {
      const call = yield* read(subject, subject.completed)
      yield* expect(call.status === "completed", "the status completed", call.status)
      yield* present(call, "dateCreated", "startTime", "endTime", "duration", "price", "direction", "to", "from")
    })),
  check("JSON and XML say the same of a settled call", (subject) =>
    Effect.gen(function*() {
      const [json, xml] = yield* Effect.forEach(
        ["json", "xml"] as const,
        (format) => read(subject, subject.completed, "getWithDetails", { format })
      )
      // The signature and the suffix of links may differ between two reads.
      const comparable = (call: Call.Call) =>
        new Call.Call({
          ...call,
          uri: Option.none(),
          recordingUrl: Option.none(),
          preSignedRecordingUrl: Option.none()
        })
      yield* expect(
        json !== undefined && xml !== undefined && Equal.equals(comparable(json), comparable(xml)),
        "the same call in both formats",
        "two that differ"
      )
    })),
  check("details are there when asked for, with the legs and the talk time", (subject) =>
    Effect.gen(function*() {
      const call = yield* read(subject, subject.completed)
      yield* expect(Call.legs(call).length === 2, "two legs", String(Call.legs(call).length))
      const talk = Call.talkTime(call)
      yield* expect(Option.isSome(talk), "a talk time", "none")
      yield* expect(
        Option.isSome(talk) && Option.isSome(call.duration)
          && Duration.lessThanOrEqualTo(talk.value, call.duration.value),
        "a talk time no longer than the duration, which includes ringing",
        "a longer one"
      )
    })),
  check("details are not there when not asked for", (subject) =>
    Effect.gen(function*() {
      const call = yield* read(subject, subject.completed, "get")
      yield* expect(Option.isNone(call.details), "no details", "some")
    })),
  check("a call without an answer has a duration all the same", (subject) =>
    Effect.gen(function*() {
      const call = yield* read(subject, subject.unanswered ?? unknownSid)
      yield* expect(Call.isTerminal(call), "a terminal status", call.status)
      yield* expect(call.status !== "completed", "another status than completed", call.status)
      yield* present(call, "duration")
    }), (subject) => subject.unanswered !== undefined),
  check("a call that goes on has a status that is not terminal, and no end", (subject) =>
    Effect.gen(function*() {
      const call = yield* read(subject, subject.ongoing ?? unknownSid)
      yield* expect(!CallStatus.isTerminal(call.status), "a status that is not terminal", call.status)
      yield* expect(Option.isNone(call.endTime), "no end time", "one")
    }), (subject) => subject.ongoing !== undefined),
  check("an unknown call is not found", (subject) => failing(subject, unknownSid, {}, "CallNotFound")),
  check(
    "a wrong token is an authentication error",
    (subject) => failing(subject, subject.completed, { apiToken: Redacted.make("0".repeat(48)) }, "AuthenticationError")
  ),
  check("another region than the account's is a region mismatch", (subject) => {
    const region = Region.all.find((other) => other !== subject.options.region) ?? "singapore"
    return failing(subject, subject.completed, { region }, "RegionMismatch")
  }, ({ options }) => options.region !== undefined && options.baseUrl === undefined),
  check(
    "the account resource answers for the account",
    ({ options }) =>
      Effect.flatMap(calls(options), (service) =>
        Effect.mapError(
          service.verify,
          (error) => new ConformanceFailure({ expected: "success", actual: error._tag })
        ))
  ),
  check(
    "the bulk read finds an ended call by its sid, flat and without a wrapper",
    (subject) =>
      Effect.gen(function*() {
        const page = yield* list(subject, `Sid=${subject.completed}`)
        const found = page.Calls.map((call) => `${call.Sid === subject.completed} ${call.Status}`)
        yield* expect(found.join() === "true completed", "the completed call and no other", `${found.length} calls`)
      })
  ),
  check("the bulk read leaves out a call that goes on", (subject) =>
    Effect.gen(function*() {
      const page = yield* list(subject, `Sid=${subject.ongoing}`)
      yield* expect(page.Calls.length === 0, "no call", String(page.Calls.length))
    }), (subject) => subject.ongoing !== undefined),
  check("the bulk read leaves out a sid that is unknown", (subject) =>
    Effect.gen(function*() {
      const page = yield* list(subject, `Sid=${unknownSid},${subject.completed}`)
      yield* expect(page.Calls.length === 1, "one call", String(page.Calls.length))
    })),
  check("RecordingUrlValidity outside of 5 to 60 minutes is a 4xx", (subject) =>
    Effect.gen(function*() {
      const { status } = yield* raw(subject, `/Calls/${subject.completed}.json?RecordingUrlValidity=61`)
      yield* expect(status >= 400 && status < 500, "a 4xx", String(status))
    }))
]

const isCallable = (subject: Subject) => subject.callable !== undefined

const connectSuite: ReadonlyArray<Check> = [
  check("a connect request without To is a 400", (subject) =>
    Effect.gen(function*() {
      const { To: _, ...fields } = connectFields(subject)
      const request = HttpClientRequest.post("/Calls/connect.json").pipe(HttpClientRequest.bodyUrlParams(fields))
      const { status } = yield* execute(subject, request)
      yield* expect(status === 400, "status 400", `status ${status}`)
    }), isCallable),
  check(
    "a placed call is at once in progress without an end, and can be read by its sid",
    (subject) =>
      Effect.gen(function*() {
        const { callable } = subject
        const request = ConnectRequest.twoNumbers({ from: "", to: "", callerId: "", ...callable })
        const call = yield* Effect.flatMap(calls(subject.options), (service) => service.connect(request)).pipe(
          Effect.mapError(({ _tag }) => new ConformanceFailure({ expected: "a placed call", actual: _tag }))
        )
        yield* expect(call.status === "in-progress" || call.status === "queued", "in-progress or queued", call.status)
        yield* expect(Option.isNone(call.endTime), "no end time", "one")
        const again = yield* read(subject, call.sid)
        yield* expect(Equal.equals(again.from, call.from), "the number that rings first as From", "another one")
      }),
    isCallable
  ),
  check("a multipart connect request without the suffix is answered in XML", (subject) =>
    Effect.gen(function*() {
      const request = HttpClientRequest.post("/Calls/connect").pipe(
        HttpClientRequest.bodyText(multipart(connectFields(subject)), "multipart/form-data; boundary=fields")
      )
      const { text } = yield* execute(subject, request)
      yield* expect(/<TwilioResponse>\s*<Call>\s*<Sid>/.test(text), "a call in XML", "another body")
    }), isCallable)
]

/**
 * Every check.
 */
export const suite: ReadonlyArray<Check> = [...readSuite, ...connectSuite]

const optionalString = (name: string): Config.Config<string | undefined> =>
  Config.map(Config.option(Config.string(name)), Option.getOrUndefined)

/**
 * The subject that the environment names, if it names one: `EXOTEL_*` as for `ExotelCalls.layerConfig`, and the sids
 * `EXOTEL_CONFORMANCE_COMPLETED`, and optionally `…_UNANSWERED` and `…_ONGOING`. None when the first sid is not set. Calls
 * are placed only when `…_CALL_FROM`, `…_CALL_TO` and `…_CALLER_ID` are all set.
 */
export const fromEnv: Effect.Effect<Option.Option<Subject>, ConfigError.ConfigError> = Effect.flatMap(
  optionalString("EXOTEL_CONFORMANCE_COMPLETED"),
  (completed) =>
    completed === undefined ? Effect.succeedNone : Effect.asSome(Config.all({
      options: ExotelConfig.fromEnv,
      completed: Config.succeed(completed),
      unanswered: optionalString("EXOTEL_CONFORMANCE_UNANSWERED"),
      ongoing: optionalString("EXOTEL_CONFORMANCE_ONGOING"),
      callable: Config.map(
        Config.option(Config.all({
          from: Config.string("EXOTEL_CONFORMANCE_CALL_FROM"),
          to: Config.string("EXOTEL_CONFORMANCE_CALL_TO"),
          callerId: Config.string("EXOTEL_CONFORMANCE_CALLER_ID")
        })),
        Option.getOrUndefined
      )
    }))
)
