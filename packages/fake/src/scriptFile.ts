/** The script file of `exotel-fake`: JSON, checked strictly, so that every mistake is reported with its path. */
import { isAccountSid } from "@effect-exotel/core/AccountSid"
import { isCallSid } from "@effect-exotel/core/CallSid"
import * as CallScript from "@effect-exotel/testing/CallScript"
import * as ConnectPlan from "@effect-exotel/testing/ConnectPlan"
import * as FakeExotel from "@effect-exotel/testing/FakeExotel"
import * as FaultPlan from "@effect-exotel/testing/FaultPlan"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

/** Exact, so that the message about a wrong value describes that value, and not `undefined`. */
const optional = <S extends Schema.Schema.All>(schema: S) => Schema.optionalWith(schema, { exact: true })

const PositiveInt = Schema.Int.pipe(Schema.positive())
const { DurationText } = CallScript

const StatusCallback = Schema.Struct({
  url: Schema.String.pipe(Schema.filter((url) => URL.canParse(url), { message: () => "must be an absolute URL" })),
  contentType: optional(Schema.Literal("multipart", "form", "json")),
  events: optional(Schema.Array(Schema.Literal("answered", "terminal"))),
  copies: optional(Schema.NonNegativeInt),
  delay: optional(DurationText),
  customField: optional(Schema.String)
})

const PlannedCall = Schema.Struct({
  script: CallScript.Description.annotations({ identifier: "a script" }),
  sid: optional(Schema.String),
  /** The time from the start of the command to the beginning of the call. */
  at: optional(DurationText),
  /** More calls of the same script, at this interval. */
  repeat: optional(Schema.Struct({ every: DurationText, times: PositiveInt.pipe(Schema.lessThanOrEqualTo(10_000)) })),
  from: optional(Schema.String),
  to: optional(Schema.String),
  exoPhone: optional(Schema.String),
  accountSid: optional(Schema.String),
  statusCallback: optional(StatusCallback)
})

/** The form of the file. */
export const File = Schema.Struct({
  accounts: optional(Schema.NonEmptyArray(Schema.Struct({
    accountSid: Schema.String,
    apiKey: Schema.Redacted(Schema.String),
    apiToken: Schema.Redacted(Schema.String),
    region: Schema.Literal("singapore", "mumbai")
  }))),
  timeZone: optional(Schema.String),
  requestsPerMinute: optional(PositiveInt),
  retryAfter: optional(Schema.Literal("absent", "seconds", "date")),
  bulkLag: optional(DurationText),
  wrongRegion: optional(Schema.Literal(401, 404)),
  unknownCall: optional(Schema.Literal(400, 404)),
  wireFormat: optional(Schema.Struct({
    numbers: optional(Schema.Literal("number", "string")),
    jsonEmpty: optional(Schema.Literal("null", "empty string", "absent")),
    xmlEmpty: optional(Schema.Literal("self-closing", "pair", "absent")),
    unsetTime: optional(Schema.Literal(
      "empty",
      "1970-01-01 05:30:00",
      "0001-01-01T00:00:00Z",
      "0000-00-00 00:00:00"
    )),
    escapedSlashes: optional(Schema.Boolean),
    prettyXml: optional(Schema.Boolean)
  })),
  statusCallback: optional(StatusCallback),
  // In messages the name stands for the whole schema, which takes long to print for each of many mistakes.
  calls: optional(Schema.Array(PlannedCall.annotations({ identifier: "a call" }))),
  connect: optional(ConnectPlan.Description),
  faults: optional(Schema.Array(FaultPlan.Fault.annotations({ identifier: "a fault" })))
})

/** A call to be placed when the command starts. */
export interface Placement {
  readonly script: CallScript.CallScript
  readonly options: FakeExotel.PlaceOptions
}

export interface ScriptFile {
  readonly options: FakeExotel.Options
  readonly placements: ReadonlyArray<Placement>
}

const placementsOf = (call: typeof PlannedCall.Type): ReadonlyArray<Placement> => {
  const { at, repeat, script, ...options } = call
  const begin = at ?? Duration.zero
  return Array.from({ length: repeat?.times ?? 1 }, (_, index) => ({
    script: CallScript.fromDescription(script),
    options: {
      ...options,
      startsIn: Duration.sum(begin, Duration.times(repeat?.every ?? Duration.zero, index))
    }
  }))
}

/** The problems of a file, one line for each place. */
export class ScriptFileError extends Schema.TaggedError<ScriptFileError>("@effect-exotel/testing/ScriptFileError")(
  "ScriptFileError",
  { problems: Schema.Array(Schema.String) }
) {
  override get message(): string {
    return `The script file cannot be used:\n${this.problems.map((problem) => `  ${problem}`).join("\n")}`
  }
}

const problemsOf = (error: ParseResult.ParseError): ReadonlyArray<string> =>
  ParseResult.ArrayFormatter.formatErrorSync(error).map(({ message, path }) => {
    const where = path.map((key) => typeof key === "number" ? `[${key}]` : `.${String(key)}`).join("").replace(
      /^\./,
      ""
    )
    // The actual value may be a phone number or a token.
    return `${where === "" ? "the file" : where}: ${message.replace(/, actual [^]*$/, "")}`
  })

const decode = Schema.decodeUnknown(File, { onExcessProperty: "error", errors: "all" })

const readJson = (text: string): Effect.Effect<unknown, ScriptFileError> =>
  Effect.try({
    try: () => JSON.parse(text) as unknown,
    // The parser's own message quotes the text.
    catch: () => new ScriptFileError({ problems: ["the file: is not well-formed JSON"] })
  })

/** Mistakes that involve more than one field: sids and accounts that the fake would reject. */
const conflicts = ({ accounts, calls = [], connect, faults = [] }: typeof File.Type): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const known = new Set((accounts ?? [FakeExotel.defaultAccount]).map(({ accountSid }) => accountSid))
  for (const [index, { accountSid }] of (accounts ?? []).entries()) {
    if (!isAccountSid(accountSid)) problems.push(`accounts[${index}].accountSid: must be letters, digits, - and _ only`)
  }
  const sids = new Map<string, number>()
  for (const [index, { accountSid, repeat, sid }] of calls.entries()) {
    const at = `calls[${index}]`
    if (accountSid !== undefined && !known.has(accountSid)) {
      problems.push(`${at}.accountSid: is not one of the accounts: ${[...known].join(", ")}`)
    }
    if (sid === undefined) continue
    if (!isCallSid(sid)) problems.push(`${at}.sid: must be letters and digits only`)
    const first = sids.get(sid)
    if (first !== undefined) problems.push(`${at}.sid: is the sid of calls[${first}] already`)
    if (repeat !== undefined && repeat.times > 1) {
      problems.push(`${at}.sid: cannot be given to a call that is repeated; leave it out to have sids generated`)
    }
    sids.set(sid, first ?? index)
  }
  const numbers = (connect?.byNumber ?? []).map(({ number }) => number)
  for (const [index, number] of numbers.entries()) {
    const first = numbers.indexOf(number)
    if (first < index) {
      problems.push(`connect.byNumber[${index}].number: is the number of connect.byNumber[${first}] already`)
    }
  }
  for (const [index, { forCall }] of faults.entries()) {
    if (forCall !== undefined && !sids.has(forCall)) {
      problems.push(`faults[${index}].forCall: is not the sid of a call in this file`)
    }
  }
  return problems
}

export const parse = (text: string): Effect.Effect<ScriptFile, ScriptFileError> =>
  Effect.gen(function*() {
    const json = yield* readJson(text)
    const file = yield* Effect.mapError(decode(json), (error) => new ScriptFileError({ problems: problemsOf(error) }))
    const problems = conflicts(file)
    if (problems.length > 0) return yield* new ScriptFileError({ problems })
    const { calls = [], connect, faults = [], ...options } = file
    return {
      options: {
        ...options,
        ...(connect === undefined ? {} : ConnectPlan.fromDescription(connect)),
        faults: FaultPlan.make(faults)
      },
      placements: calls.flatMap(placementsOf)
    }
  })

/** The calls that are served without a file: one answered, one not answered, one busy, repeatedly. */
export const demo: ScriptFile = {
  options: {},
  placements: [
    { script: CallScript.answered({ ring: "8 seconds", talk: "40 seconds" }), options: {} },
    { script: CallScript.noAnswer(), options: {} },
    { script: CallScript.busy(), options: {} }
  ]
}
