/** The bulk read: by sid in chunks, and by query in pages. It names ended calls only. */
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Call } from "../../Call.ts"
import type { CallQuery, FindOptions, FindResult } from "../../CallQuery.ts"
import type { CallSid } from "../../CallSid.ts"
import { isCallSid } from "../../CallSid.ts"
import type { ExotelConfig } from "../../ExotelConfig.ts"
import * as Errors from "../../ExotelError.ts"
import type { Page } from "../decode/callFromResponse.ts"
import { pageFromResponse } from "../decode/callFromResponse.ts"
import type { Client } from "../http/client.ts"
import { callsUrl } from "../http/urls.ts"
import { createdFilters, toRequests } from "./callQuery.ts"

/** Without a call, "not found" is the account's: its sid or its credentials are wrong in every region. */
export const unknownAccount = (
  { code, region, exotelMessage, status }: Errors.CallNotFound
): Errors.AuthenticationError =>
  new Errors.AuthenticationError({
    status,
    ...(code === undefined ? {} : { code }),
    ...(region === undefined ? {} : { region }),
    ...(exotelMessage === undefined ? {} : { exotelMessage })
  })

const noCalls: Page = { calls: [], next: undefined }

/** Whether an empty result is answered so is unknown; of a single call it is the answer. */
const isEmptyResult = (error: Errors.CallNotFound): boolean => /no matching results/i.test(error.exotelMessage ?? "")

/**
 * The query of the next page. Of the link only that is used: the path stays ours, wherever the link would lead. None when
 * there is no next page.
 */
const queryOfLink = (link: string | undefined): Option.Option<URLSearchParams> =>
  link === undefined ? Option.none() : Option.some(new URLSearchParams(link.split("?")[1] ?? ""))

interface Bulk {
  readonly findEnded: (sids: Iterable<string>, options?: FindOptions) => Effect.Effect<FindResult, Errors.AccountError>
  readonly listEnded: (query?: CallQuery) => Stream.Stream<Call, Errors.AccountError>
}

export const make = (config: ExotelConfig, client: Client): Bulk => {
  const readPage = (name: string, query: URLSearchParams): Effect.Effect<Page, Errors.AccountError> =>
    client.read({
      name,
      template: "/v1/Accounts/{AccountSid}/Calls",
      url: callsUrl(config.baseUrl, config.accountSid, config.format, query),
      decode: pageFromResponse
    }).pipe(
      Effect.catchTag("CallNotFound", (error) =>
        isEmptyResult(error) ? Effect.succeed(noCalls) : Effect.fail(unknownAccount(error)))
    )

  /** The pages from the query's first to the last one. */
  const pages = (name: string, query: URLSearchParams): Stream.Stream<Page, Errors.AccountError> =>
    Stream.paginateEffect(query, (query) =>
      Effect.flatMap(readPage(name, query), (page) => {
        const next = queryOfLink(page.next)
        // A link that leads to where it stands would be followed for ever.
        return Option.isSome(next) && String(next.value) === String(query)
          ? new Errors.ResponseParseError({
            reason: "Unexpected",
            path: "Metadata.NextPageUri",
            detail: "the next page is this one"
          })
          : Effect.succeed([page, next] as const)
      }))

  const listEnded = (query: CallQuery = {}): Stream.Stream<Call, Errors.AccountError> =>
    Stream.unwrap(Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      const requests = yield* toRequests(query, now, config.timeZone)
      return Stream.fromIterable(requests).pipe(
        Stream.flatMap((request) => pages("ExotelCalls.listEnded", request)),
        Stream.mapConcat(({ calls }) => calls),
        Stream.mapEffect((call) => call)
      )
    }))

  const findEnded = (
    sids: Iterable<string>,
    options: FindOptions = {}
  ): Effect.Effect<FindResult, Errors.AccountError> =>
    Effect.gen(function*() {
      const { chunkSize = 100, since } = options
      if (!Number.isInteger(chunkSize) || chunkSize < 1 || chunkSize > 100) {
        return yield* new Errors.InvalidRequest({ reason: "chunkSize must be 1 to 100" })
      }
      // Whether Exotel minds the case of a sid is unknown.
      const missing = new Map<string, CallSid>()
      for (const sid of sids) {
        if (!isCallSid(sid)) {
          return yield* new Errors.InvalidRequest({ reason: "a call sid is made of letters and digits only" })
        }
        missing.set(sid.toLowerCase(), sid)
      }
      const now = yield* Clock.currentTimeMillis
      const parts = yield* createdFilters(since && { from: since }, now, config.timeZone)
      const calls: Array<Call> = []
      const malformed: Array<Errors.ResponseParseError> = []
      const take = (sid: string | undefined): boolean => sid !== undefined && missing.delete(sid.toLowerCase())
      // The newest first: most calls that somebody asks for have just ended.
      for (const created of [...parts].reverse()) {
        for (const chunk of Chunk.chunksOf(Chunk.fromIterable(missing.values()), chunkSize)) {
          const query = new URLSearchParams([
            ["Sid", Chunk.join(chunk, ",")],
            ["PageSize", String(chunkSize)],
            ...created.map(([name, value]) => [name, value])
          ])
          yield* Stream.runForEach(pages("ExotelCalls.findEnded", query), (page) =>
            Effect.sync(() => {
              for (const call of page.calls) {
                // What nobody asked for is left out, should the filter not have been heeded.
                if (Either.isRight(call)) {
                  if (take(call.right.sid)) calls.push(call.right)
                } else if (call.left.sid === undefined || take(call.left.sid)) {
                  malformed.push(call.left)
                }
              }
            }))
        }
      }
      return { calls, missing: [...missing.values()], malformed }
    })

  return { findEnded, listEnded }
}
