/** Reusable schemas of the values in Exotel's records. JSON and XML share them. They decode only. */
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
export const decodeOnly = (_value: unknown, _options: AST.ParseOptions, ast: AST.AST) =>
  ParseResult.fail(new ParseResult.Forbidden(ast, undefined, "Exotel's records can be decoded, not encoded"))

/**
 * A schema that decodes any value for which `read` returns something; its error holds no value. A declaration: with
 * transformations of `Unknown`, decoding a call allocates half as much again.
 */
export const decoder = <A>(expected: string, read: (value: unknown) => A | undefined): Schema.Schema<A, unknown> =>
  Schema.declare<A, unknown, []>([], {
    decode: () => (value, _, ast) => {
      const decoded = read(value)
      return decoded === undefined
        ? ParseResult.fail(new ParseResult.Type(ast, undefined, `${expected} is expected`))
        : ParseResult.succeed(decoded)
    },
    encode: () => decodeOnly
  })

/** Stands for a value that is present and cannot be read. */
export const unreadable: unique symbol = Symbol.for("@effect-exotel/core/unreadable")
export type Unreadable = typeof unreadable

/** Decodes to {@link unreadable} what the schema refuses, so that one field does not cost the record. */
export const orUnreadable = <A, I>(schema: Schema.Schema<A, I>): Schema.Schema<A | Unreadable, unknown> =>
  Schema.Union(schema, decoder("any value", (): Unreadable => unreadable))

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

/** Whether a value is one of the forms of an empty value. */
export const isEmpty = (value: unknown): boolean => scalarText(value) === ""

/** The result of a field that may be empty or unreadable. */
export type Field<A> = Option.Option<A> | Unreadable

/** A field that may be empty. Never fails: decodes to {@link unreadable} a text for which `parse` returns undefined. */
const optional = <A>(parse: (text: string) => Option.Option<A> | undefined): Schema.Schema<Field<A>, unknown> =>
  decoder<Field<A>>("any value", (value) => {
    const text = scalarText(value)
    return (text === "" ? Option.none() : text === undefined ? undefined : parse(text)) ?? unreadable
  })

export const Text = optional<string>(Option.some)

/** A status or a direction. The limit keeps a faulty one out of logs and tokens. */
export const Word = optional<string>((text) => text.length > 64 ? undefined : Option.some(text))

export const Integer = optional<number>((text) => /^\d{1,9}$/.test(text) ? Option.some(Number(text)) : undefined)

export const Seconds = optional<Duration.Duration>((text) =>
  /^\d{1,9}$/.test(text) ? Option.some(Duration.seconds(Number(text))) : undefined
)

export const Decimal = optional<BigDecimal.BigDecimal>((text) =>
  // An exponent occurs only on a JSON number below 10^-6; a long one would make a decimal of any size.
  /^-?\d{1,20}(?:\.\d{1,20})?(?:e-\d{1,2})?$/.test(text) ? BigDecimal.fromString(text) : undefined
)

/** A wall clock in the account's zone; none for the values that stand for an unset time. */
export const Time = (timeZone: DateTime.TimeZone) => optional<DateTime.Zoned>((text) => parseWallClock(text, timeZone))

export const Sid = decoder("a call sid of letters and digits", (value) => {
  const text = scalarText(value)
  return isCallSid(text) ? text : undefined
})

/** Every form of an empty value, as null. */
export const Empty = decoder("nothing", (value) => isEmpty(value) ? null : undefined)
