/** What a body holds, whatever its format and whatever was asked for: a call, or Exotel's word for an error. */
import * as Either from "effect/Either"
import type { Damage } from "./damage.ts"
import { malformed, unexpected } from "./damage.ts"
import type { WireRecord } from "./record.ts"
import { hasStrayText, isRecord } from "./record.ts"
import { parseXml } from "./xml.ts"

export type Body =
  | { readonly _tag: "Call"; readonly format: "json" | "xml"; readonly record: WireRecord }
  | { readonly _tag: "RestException"; readonly format: "json" | "xml"; readonly record: WireRecord }

const parseJson = (text: string): Either.Either<WireRecord, Damage> => {
  const value: Either.Either<unknown, unknown> = Either.try(() => JSON.parse(text))
  if (Either.isLeft(value)) return malformed("json", "it is cut off or not well-formed")
  return isRecord(value.right) ? Either.right(value.right) : unexpected("json", undefined, "an object is expected")
}

/** `{"Call": {…}}` in JSON, `<TwilioResponse><Call>…` in XML; a `RestException` in either, in XML as root as well. */
export const readBody = (text: string): Either.Either<Body, Damage> => {
  const first = /\S/.exec(text)?.[0]
  if (first === undefined) return malformed(undefined, "it is empty")
  const format = first === "{" || first === "[" ? "json" : first === "<" ? "xml" : undefined
  if (format === undefined) return malformed(undefined, "it is neither JSON nor XML")
  return Either.flatMap(format === "json" ? parseJson(text) : parseXml(text), (root): Either.Either<Body, Damage> => {
    const inner = format === "xml" && "TwilioResponse" in root ? root["TwilioResponse"] : root
    if (!isRecord(inner)) return unexpected(format, "Call", "nothing is there")
    const call = inner["Call"]
    const exception = inner["RestException"]
    if (call !== undefined && exception !== undefined) {
      return unexpected(format, undefined, "a call and an error stand side by side")
    }
    if (isRecord(exception)) return Either.right({ _tag: "RestException", format, record: exception })
    if (isRecord(call) && !hasStrayText(inner)) return Either.right({ _tag: "Call", format, record: call })
    return unexpected(format, "Call", "a record of fields is expected")
  })
}
