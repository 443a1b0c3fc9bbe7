/** The file from which `exotel-fake` makes its state: JSON, checked strictly, so that a slip is named and not ignored. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as CallScript from "../../CallScript.ts"
import type * as FakeExotel from "../../FakeExotel.ts"
import * as FaultPlan from "../../FaultPlan.ts"

const DurationText = Schema.transformOrFail(Schema.String, Schema.DurationFromSelf, {
  decode: (text, _, ast) =>
    Option.match(Duration.decodeUnknown(text), {
      onNone: () => ParseResult.fail(new ParseResult.Type(ast, text, "a duration is written like \"8 seconds\"")),
      onSome: ParseResult.succeed
    }),
  encode: (duration) => ParseResult.succeed(`${Duration.toMillis(duration)} millis`)
})

/** Exact, so that what is said of a slip is about what stands there, and never "expected undefined". */
const optional = <S extends Schema.Schema.All>(schema: S) => Schema.optionalWith(schema, { exact: true })

const PositiveInt = Schema.Int.pipe(Schema.positive())

const common = {
  settles: optional(DurationText),
  stages: optional(Schema.Boolean),
  queue: optional(DurationText),
  price: optional(Schema.NullOr(Schema.String)),
  direction: optional(Schema.String),
  answeredBy: optional(Schema.NullOr(Schema.String))
}

const answered = {
  ...common,
  ring: optional(DurationText),
  connect: optional(DurationText),
  talk: optional(DurationText),
  legs: optional(Schema.Literal(1, 2)),
  recording: optional(Schema.Boolean)
}

const unanswered = { ...common, ring: optional(DurationText), leg: optional(Schema.Literal(1, 2)) }

const words = {
  status: Schema.NonEmptyTrimmedString,
  leg1Status: optional(Schema.String),
  leg2Status: optional(Schema.String)
}

const Script = Schema.Union(
  Schema.Struct({ kind: Schema.Literal("answered"), ...answered }),
  Schema.Struct({ kind: Schema.Literal("inbound"), ...answered }),
  Schema.Struct({ kind: Schema.Literal("busy"), ...unanswered }),
  Schema.Struct({ kind: Schema.Literal("noAnswer"), ...unanswered }),
  Schema.Struct({ kind: Schema.Literal("failed"), ...unanswered }),
  Schema.Struct({ kind: Schema.Literal("canceled"), ...unanswered }),
  Schema.Struct({
    kind: Schema.Literal("custom"),
    phases: Schema.Array(Schema.Struct({
      ...words,
      duration: DurationText,
      parties: optional(Schema.Literal(0, 1, 2))
    })),
    ending: Schema.Struct(words),
    settles: optional(DurationText),
    price: optional(Schema.NullOr(Schema.String)),
    recording: optional(Schema.Boolean)
  })
)

const StatusCallback = Schema.Struct({
  url: Schema.String,
  contentType: optional(Schema.Literal("multipart", "form", "json")),
  events: optional(Schema.Array(Schema.Literal("answered", "terminal"))),
  copies: optional(Schema.NonNegativeInt),
  late: optional(DurationText),
  customField: optional(Schema.String)
})

const PlannedCall = Schema.Struct({
  script: Script,
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

const conditions = {
  forCall: optional(Schema.String),
  onRequest: optional(Schema.NonEmptyArray(PositiveInt)),
  between: optional(Schema.Tuple(DurationText, DurationText)),
  chance: optional(Schema.Number.pipe(Schema.between(0, 1))),
  times: optional(PositiveInt)
}

const at = { at: optional(Schema.Literal("request", "body")) }

const Fault = Schema.Union(
  Schema.Struct({
    kind: Schema.Literal("status"),
    status: Schema.Int.pipe(Schema.between(200, 599)),
    retryAfter: optional(Schema.String),
    body: optional(Schema.Literal("exotel", "html", "empty")),
    ...conditions
  }),
  Schema.Struct({ kind: Schema.Literal("reset"), ...at, ...conditions }),
  Schema.Struct({ kind: Schema.Literal("stalled"), ...at, duration: optional(DurationText), ...conditions }),
  Schema.Struct({
    kind: Schema.Literal("slowDrip"),
    bytes: optional(PositiveInt),
    every: optional(DurationText),
    ...conditions
  }),
  Schema.Struct({ kind: Schema.Literal("truncated"), ...conditions }),
  Schema.Struct({ kind: Schema.Literal("hugeBody"), bytes: optional(PositiveInt), ...conditions }),
  Schema.Struct({ kind: Schema.Literal("garbage"), ...conditions }),
  Schema.Struct({ kind: Schema.Literal("html"), ...conditions }),
  Schema.Struct({
    kind: Schema.Literal("malformed"),
    field: Schema.String,
    value: Schema.String,
    ...conditions
  })
)

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
  faults: optional(Schema.Array(Fault))
})

const scriptOf = (script: typeof Script.Type): CallScript.CallScript =>
  script.kind === "custom"
    ? CallScript.custom(script.phases, script.ending, script)
    : CallScript[script.kind](script)

const damageOf = (fault: typeof Fault.Type): FaultPlan.FaultPlan => {
  switch (fault.kind) {
    case "status":
      return FaultPlan.status(fault.status, fault)
    case "reset":
      return FaultPlan.reset(fault.at)
    case "stalled":
      return FaultPlan.stalled(fault)
    case "slowDrip":
      return FaultPlan.slowBody(fault)
    case "truncated":
      return FaultPlan.truncated()
    case "hugeBody":
      return FaultPlan.hugeBody(fault.bytes)
    case "garbage":
      return FaultPlan.garbage
    case "html":
      return FaultPlan.html
    case "malformed":
      return FaultPlan.malformed(fault.field, fault.value)
  }
}

const planOf = (fault: typeof Fault.Type): FaultPlan.FaultPlan => {
  let plan = damageOf(fault)
  if (fault.forCall !== undefined) plan = FaultPlan.forCall(plan, fault.forCall)
  if (fault.onRequest !== undefined) plan = FaultPlan.onRequest(...fault.onRequest)(plan)
  if (fault.between !== undefined) plan = FaultPlan.between(plan, ...fault.between)
  if (fault.chance !== undefined) plan = FaultPlan.withProbability(plan, fault.chance)
  if (fault.times !== undefined) plan = FaultPlan.times(plan, fault.times)
  return plan
}

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
    script: scriptOf(script),
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
        faults: FaultPlan.all(...(faults ?? []).map(planOf))
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
