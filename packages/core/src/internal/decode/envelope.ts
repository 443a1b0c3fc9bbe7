/** What a body holds, whatever its format and whatever was asked for: a call, a page of calls, or a word for an error. */
import * as Either from "effect/Either"
import type { DecodeIssue } from "./issue.ts"
import { malformed, unexpected } from "./issue.ts"
import type { WireRecord } from "./record.ts"
import { hasStrayText, isRecord } from "./record.ts"
import { parseXml } from "./xml.ts"

export type Body =
  | { readonly _tag: "Call"; readonly format: "json" | "xml"; readonly record: WireRecord }
  | {
    readonly _tag: "Page"
    readonly format: "json" | "xml"
    readonly records: ReadonlyArray<unknown>
    readonly next: string | undefined
  }
  | { readonly _tag: "RestException"; readonly format: "json" | "xml"; readonly record: WireRecord }

const parseJson = (text: string): Either.Either<WireRecord, DecodeIssue> => {
  const value: Either.Either<unknown, unknown> = Either.try(() => JSON.parse(text))
  if (Either.isLeft(value)) return malformed("json", "it is cut off or not well-formed")
  return isRecord(value.right) ? Either.right(value.right) : unexpected("json", undefined, "an object is expected")
}

/** In JSON a list; in XML the `<Call>` elements below `<Calls>`, of which one alone is no list. */
const recordsOf = (calls: unknown): ReadonlyArray<unknown> | undefined => {
  if (calls === null || (typeof calls === "string" && calls.trim() === "")) return []
  const list: unknown = isRecord(calls) && !hasStrayText(calls) ? calls["Call"] : calls
  return Array.isArray(list) ? list : isRecord(list) && list !== calls ? [list] : undefined
}

/** A page: `{"Metadata": {…}, "Calls": […]}`. On the last page `NextPageUri` is null, empty or absent. */
const readPage = (inner: WireRecord, format: "json" | "xml"): Either.Either<Body, DecodeIssue> => {
  const records = recordsOf(inner["Calls"])
  const metadata = inner["Metadata"]
  if (records === undefined || hasStrayText(inner)) return unexpected(format, "Calls", "a list of calls is expected")
  // Without it nobody could tell whether this is all.
  if (!isRecord(metadata)) return unexpected(format, "Metadata", "a record of fields is expected")
  const next = metadata["NextPageUri"] ?? ""
  if (typeof next !== "string") return unexpected(format, "Metadata.NextPageUri", "text or nothing is expected")
  return Either.right({ _tag: "Page", format, records, next: next.trim() === "" ? undefined : next })
}

/** `{"Call": {…}}` in JSON, `<TwilioResponse><Call>…` in XML; a `RestException` in either, in XML as root as well. */
export const readBody = (text: string): Either.Either<Body, DecodeIssue> => {
  const first = /\S/.exec(text)?.[0]
  if (first === undefined) return malformed(undefined, "it is empty")
  const format = first === "{" || first === "[" ? "json" : first === "<" ? "xml" : undefined
  if (format === undefined) return malformed(undefined, "it is neither JSON nor XML")
  return Either.flatMap(
    format === "json" ? parseJson(text) : parseXml(text),
    (root): Either.Either<Body, DecodeIssue> => {
      const inner = format === "xml" && "TwilioResponse" in root ? root["TwilioResponse"] : root
      if (!isRecord(inner)) return unexpected(format, "Call", "nothing is there")
      const call = inner["Call"]
      const exception = inner["RestException"]
      if (call !== undefined && exception !== undefined) {
        return unexpected(format, undefined, "a call and an error stand side by side")
      }
      if (isRecord(exception)) return Either.right({ _tag: "RestException", format, record: exception })
      if (call === undefined && inner["Calls"] !== undefined) return readPage(inner, format)
      if (isRecord(call) && !hasStrayText(inner)) return Either.right({ _tag: "Call", format, record: call })
      return unexpected(format, "Call", "a record of fields is expected")
    }
  )
}
