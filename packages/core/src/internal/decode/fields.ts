/** Reusable schemas of the values in Exotel's records. JSON and XML share them. Their messages hold no value. */
import * as BigDecimal from "effect/BigDecimal"
import type * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type * as AST from "effect/SchemaAST"
import { isCallSid } from "../../CallSid.ts"
import { forbiddenCharacter } from "./characters.ts"
import { parseWallClock } from "./wallClock.ts"

/** The encoding half of a schema that only decodes. */
export const decodeOnly = (
  _value: unknown,
  _options: AST.ParseOptions,
  ast: AST.AST
) => ParseResult.fail(new ParseResult.Forbidden(ast, undefined, "Exotel's records can be decoded, not encoded"))

/** A schema that decodes any value for which `read` returns something. */
export const decoder = <A>(
  guard: (value: unknown) => value is A,
  expected: string,
  read: (value: unknown) => A | undefined
): Schema.Schema<A, unknown> =>
  Schema.transformOrFail(Schema.Unknown, Schema.declare(guard), {
    strict: true,
    decode: (value, _, ast) => {
      const decoded = read(value)
      return decoded === undefined
        ? ParseResult.fail(new ParseResult.Type(ast, undefined, `${expected} is expected`))
        : ParseResult.succeed(decoded)
    },
    encode: decodeOnly
  })

/** The text of a string or number, `""` for every form of an empty value, or undefined for anything else. */
const scalarText = (value: unknown): string | undefined => {
  if (value === undefined || value === null) return ""
  if (typeof value === "string") {
    const text = value.trim()
    return text === "null" ? "" : forbiddenCharacter.test(text) ? undefined : text
  }
  // JSON.parse has lost the digits of a larger integer, and read a larger number as Infinity.
  return typeof value === "number" && (Number.isSafeInteger(value) || (Number.isFinite(value) && value % 1 !== 0))
    ? String(value)
    : undefined
}

const isOption = <A>(value: unknown): value is Option.Option<A> => Option.isOption(value)

/** A field that may be empty. `parse` returns undefined for a text that it cannot read. */
const optional = <A>(expected: string, parse: (text: string) => Option.Option<A> | undefined) =>
  decoder<Option.Option<A>>(isOption, expected, (value) => {
    const text = scalarText(value)
    return text === "" ? Option.none() : text === undefined ? undefined : parse(text)
  })

export const Text = optional<string>("text", Option.some)

/** A status or a direction. The limit keeps a faulty one out of logs and tokens. */
export const Word = optional<string>("a word", (text) => text.length > 64 ? undefined : Option.some(text))

const integer = (text: string): number | undefined => /^\d{1,9}$/.test(text) ? Number(text) : undefined

export const LegId = optional<number>("the number of a leg", (text) => {
  const id = integer(text)
  return id === undefined ? undefined : Option.some(id)
})

export const Seconds = optional<Duration.Duration>("a whole number of seconds", (text) => {
  const seconds = integer(text)
  return seconds === undefined ? undefined : Option.some(Duration.seconds(seconds))
})

export const Decimal = optional<BigDecimal.BigDecimal>("a decimal number", (text) =>
  // An exponent occurs only on a JSON number below 10^-6; a long one would make a decimal of any size.
  /^-?\d{1,20}(?:\.\d{1,20})?(?:e-\d{1,2})?$/.test(text) ? BigDecimal.fromString(text) : undefined)

/** A wall clock in the account's zone; none for the values that stand for an unset time. */
export const Time = (timeZone: DateTime.TimeZone) =>
  optional<DateTime.Zoned>("a time like 2026-01-31 23:59:59", (text) => parseWallClock(text, timeZone))

export const Sid = decoder(isCallSid, "a call sid of letters and digits", (value) => {
  const text = scalarText(value)
  return isCallSid(text) ? text : undefined
})

const isNull = (value: unknown): value is null => value === null

/** Every form of an empty value, as null. */
export const Empty = decoder<null>(isNull, "nothing", (value) => scalarText(value) === "" ? null : undefined)

/** Stands for a value that is present and cannot be read. */
export const unreadable: unique symbol = Symbol.for("@effect-exotel/core/unreadable")
export type Unreadable = typeof unreadable

const Fallback = Schema.transform(Schema.Unknown, Schema.UniqueSymbolFromSelf(unreadable), {
  strict: true,
  decode: (): Unreadable => unreadable,
  encode: () => null
})

/** Decodes to {@link unreadable} what the schema cannot read, so that one field does not cost the record. */
export const orUnreadable = <A, I>(schema: Schema.Schema<A, I>): Schema.Schema<A | Unreadable, unknown> =>
  Schema.Union(schema, Fallback)
