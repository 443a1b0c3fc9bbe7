/** Schemas that fault plans, call scripts and script files share. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

/**
 * A duration, encoded as a text such as `"8 seconds"`, or `"Infinity"`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const DurationText = Schema.transformOrFail(Schema.String, Schema.DurationFromSelf, {
  decode: (text, _, ast) =>
    Option.match(text === "Infinity" ? Option.some(Duration.infinity) : Duration.decodeUnknown(text), {
      onNone: () => ParseResult.fail(new ParseResult.Type(ast, text, "a duration is written like \"8 seconds\"")),
      onSome: ParseResult.succeed
    }),
  encode: (duration) => {
    const millis = Duration.toMillis(duration)
    if (!Number.isFinite(millis)) return ParseResult.succeed("Infinity")
    // A larger number is written with an exponent.
    return ParseResult.succeed(`${millis < 1e21 ? millis : BigInt(millis)} millis`)
  }
})

/** Exact, so that the message about a wrong value describes that value, and not `undefined`. */
export const optional = <S extends Schema.Schema.All>(schema: S) => Schema.optionalWith(schema, { exact: true })

export const PositiveInt = Schema.Int.pipe(Schema.positive())
