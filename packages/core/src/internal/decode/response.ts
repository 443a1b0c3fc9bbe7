/** One response and the context that decoding it needs. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type { Call } from "../../Call.ts"
import type { Region } from "../../Region.ts"
import type { Body } from "./body.ts"
import { readBody } from "./body.ts"
import type { DecodeIssue } from "./issue.ts"

export interface RawResponse {
  readonly status: number
  readonly retryAfter: Duration.Duration | undefined
  readonly body: string
}

/** A response whose body was parsed, or the reason why it could not be parsed. */
export interface ParsedResponse extends Omit<RawResponse, "body"> {
  readonly body: Either.Either<Body, DecodeIssue>
}

/** Decodes one call's record; `path` names it in issues. */
export type RecordDecoder = (
  record: unknown,
  format: "json" | "xml",
  path: string
) => Either.Either<Call, DecodeIssue>

export interface DecodeContext {
  readonly sid?: string | undefined
  readonly region?: Region | undefined
  /** Every form of the credentials; they are masked in quoted messages. */
  readonly secrets: ReadonlyArray<string>
  readonly decodeRecord: RecordDecoder
}

export const parseResponse = (response: RawResponse): Effect.Effect<ParsedResponse> =>
  Effect.map(readBody(response.body), (body) => ({ ...response, body }))
