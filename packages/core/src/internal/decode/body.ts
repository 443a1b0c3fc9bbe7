/** Parses a response body, in either format, into its envelope: a call, a page of calls, or an error. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { isEmpty } from "./fields.ts"
import type { DecodeIssue } from "./issue.ts"
import { malformed, unexpected } from "./issue.ts"
import type { WireRecord } from "./wireCall.ts"
import { hasStrayText } from "./wireCall.ts"

export type Body =
  | { readonly _tag: "Call"; readonly format: "json" | "xml"; readonly record: WireRecord }
  | {
    readonly _tag: "Page"
    readonly format: "json" | "xml"
    readonly records: ReadonlyArray<unknown>
    readonly next: string | undefined
  }
  | { readonly _tag: "RestException"; readonly format: "json" | "xml"; readonly record: WireRecord }

type Parser = (text: string) => Either.Either<WireRecord, DecodeIssue>

const parseJson: Parser = (text) => {
  const value: Either.Either<unknown, unknown> = Either.try(() => JSON.parse(text))
  if (Either.isLeft(value)) return malformed("json", "it is truncated or not well-formed")
  return Predicate.isReadonlyRecord(value.right)
    ? Either.right(value.right)
    : unexpected("json", undefined, "an object is expected")
}

/** In JSON a list; in XML the `<Call>` elements inside `<Calls>`, a single one of which is no list. */
const recordsFrom = (calls: unknown): ReadonlyArray<unknown> | undefined => {
  if (isEmpty(calls)) return []
  const list: unknown = Predicate.isReadonlyRecord(calls) && !hasStrayText(calls) ? calls["Call"] : calls
  return Array.isArray(list) ? list : Predicate.isReadonlyRecord(list) && list !== calls ? [list] : undefined
}

/** A page: `{"Metadata": {…}, "Calls": […]}`. On the last page `NextPageUri` is null, empty or absent. */
const pageFrom = (inner: WireRecord, format: "json" | "xml"): Either.Either<Body, DecodeIssue> => {
  const records = recordsFrom(inner["Calls"])
  const metadata = inner["Metadata"]
  if (records === undefined || hasStrayText(inner)) return unexpected(format, "Calls", "a list of calls is expected")
  // Without it the list might be incomplete.
  if (!Predicate.isReadonlyRecord(metadata)) return unexpected(format, "Metadata", "a record of fields is expected")
  const next = isEmpty(metadata["NextPageUri"]) ? undefined : metadata["NextPageUri"]
  if (next !== undefined && typeof next !== "string") {
    return unexpected(format, "Metadata.NextPageUri", "text or nothing is expected")
  }
  return Either.right({ _tag: "Page", format, records, next })
}

/** `{"Call": {…}}` in JSON, `<TwilioResponse><Call>…` in XML; a `RestException` in either, in XML also as the root. */
const bodyFrom = (format: "json" | "xml") => (root: WireRecord): Either.Either<Body, DecodeIssue> => {
  const inner = format === "xml" && "TwilioResponse" in root ? root["TwilioResponse"] : root
  if (!Predicate.isReadonlyRecord(inner)) return unexpected(format, "Call", "it is empty")
  const call = inner["Call"]
  const exception = inner["RestException"]
  if (call !== undefined && exception !== undefined) {
    return unexpected(format, undefined, "it contains both a call and an error")
  }
  if (Predicate.isReadonlyRecord(exception)) return Either.right({ _tag: "RestException", format, record: exception })
  if (call === undefined && inner["Calls"] !== undefined) return pageFrom(inner, format)
  if (Predicate.isReadonlyRecord(call) && !hasStrayText(inner)) {
    return Either.right({ _tag: "Call", format, record: call })
  }
  return unexpected(format, "Call", "a record of fields is expected")
}

const startsWith = (text: string): string | undefined => /\S/.exec(text)?.[0]

/** Parses a body with the given XML parser. The content decides the format, not the content type. */
export const parseBody = (text: string, parseXml: Parser): Either.Either<Body, DecodeIssue> => {
  switch (startsWith(text)) {
    case undefined:
      return malformed(undefined, "it is empty")
    case "{":
    case "[":
      return Either.flatMap(parseJson(text), bodyFrom("json"))
    case "<":
      return Either.flatMap(parseXml(text), bodyFrom("xml"))
    default:
      return malformed(undefined, "it is neither JSON nor XML")
  }
}

let loaded: Parser | undefined

/**
 * Loads the XML parser once. It is a sixth of a bundle, and programs that read JSON do not need it. Once loaded, reading
 * XML is synchronous, as it has to be under a test clock.
 */
export const loadXmlParser: Effect.Effect<Parser> = Effect.suspend(() =>
  loaded === undefined
    ? Effect.map(Effect.promise(() => import("./xml.ts")), ({ parseXml }) => loaded = parseXml)
    : Effect.succeed(loaded)
)

/** Parses a body; loads the XML parser when XML arrives. */
export const readBody = (text: string): Effect.Effect<Either.Either<Body, DecodeIssue>> =>
  startsWith(text) === "<"
    ? Effect.map(loadXmlParser, (parseXml) => parseBody(text, parseXml))
    : Effect.succeed(parseBody(text, () => malformed("xml", "no XML parser is loaded")))
