/** The file from which `exotel-fake` makes its state: JSON, checked strictly, so that a slip is named and not ignored. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as CallScript from "../../CallScript.ts"
import type * as FakeExotel from "../../FakeExotel.ts"
import * as FaultPlan from "../../FaultPlan.ts"
import { DurationText, optional, PositiveInt } from "../schemas.ts"

const StatusCallback = Schema.Struct({
  url: Schema.String,
  contentType: optional(Schema.Literal("multipart", "form", "json")),
  events: optional(Schema.Array(Schema.Literal("answered", "terminal"))),
  copies: optional(Schema.NonNegativeInt),
  late: optional(DurationText),
  customField: optional(Schema.String)
})

const PlannedCall = Schema.Struct({
  script: CallScript.Description,
  sid: optional(Schema.String),
  /** How long after the start of the command the call begins. */
  at: optional(DurationText),
  /** More calls of the same script, one every so often. */
  repeat: optional(Schema.Struct({ every: DurationText, times: PositiveInt })),
  from: optional(Schema.String),
  to: optional(Schema.String),
  exoPhone: optional(Schema.String),
  accountSid: optional(Schema.String),
  statusCallback: optional(StatusCallback)
})

const World = Schema.Struct({
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
  calls: optional(Schema.Array(PlannedCall)),
  faults: optional(Schema.Array(FaultPlan.Fault))
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

const decode = Schema.decodeUnknown(World, { onExcessProperty: "error", errors: "all" })

const readJson = (text: string): Effect.Effect<unknown, ScriptFileError> =>
  Effect.try({
    try: () => JSON.parse(text) as unknown,
    // The parser's own message quotes the text.
    catch: () => new ScriptFileError({ problems: ["the file: is not well-formed JSON"] })
  })

export const parse = (text: string): Effect.Effect<ScriptFile, ScriptFileError> =>
  Effect.flatMap(
    readJson(text),
    (value) => Effect.mapError(decode(value), (error) => new ScriptFileError({ problems: problemsOf(error) }))
  ).pipe(
    Effect.map(({ accounts, calls, faults, ...options }) => ({
      options: {
        ...options,
        ...(accounts === undefined ? {} : { accounts }),
        faults: FaultPlan.make(faults ?? [])
      } as FakeExotel.Options,
      placements: (calls ?? []).flatMap(placementsOf)
    }))
  )

/** The calls that are served without a file: one answered, one not answered, one busy, repeatedly. */
export const demo: ScriptFile = {
  options: {},
  placements: [
    { script: CallScript.answered({ ring: "8 seconds", talk: "40 seconds" }), options: {} },
    { script: CallScript.noAnswer(), options: {} },
    { script: CallScript.busy(), options: {} }
  ]
}
