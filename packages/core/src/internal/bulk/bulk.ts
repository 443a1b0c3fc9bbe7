/** The bulk read: by sid in chunks, and by query in pages. Exotel includes ended calls only. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Struct from "effect/Struct"
import type { Call } from "../../Call.ts"
import type { CallQuery, FindOptions, FindResult } from "../../CallQuery.ts"
import type { CallSid } from "../../CallSid.ts"
import { isCallSid } from "../../CallSid.ts"
import type { ExotelConfig } from "../../ExotelConfig.ts"
import * as Errors from "../../ExotelError.ts"
import type { Page } from "../decode/callFromResponse.ts"
import { pageFromResponse } from "../decode/callFromResponse.ts"
import { countUnreadable } from "../decode/countUnreadable.ts"
import type { Client } from "../http/client.ts"
import { callsUrl } from "../http/urls.ts"
import { createdFilters, toRequests } from "./callQuery.ts"
import { mergeByCreation } from "./mergeByCreation.ts"

/** "Not found" without a call means the account: its sid or its credentials are wrong in every region. */
export const unknownAccount = (error: Errors.CallNotFound): Errors.AuthenticationError =>
  new Errors.AuthenticationError(Struct.pick(error, "status", "code", "region", "exotelMessage"))

const noCalls: Page = { calls: [], next: undefined }

/** Exotel may answer an empty result so (unconfirmed); it does so for a single unknown call. */
const isEmptyResult = (error: Errors.CallNotFound): boolean => /no matching results/i.test(error.exotelMessage ?? "")

/** The query of the next page. Only the link's query is used, so that no request leaves the configured host and path. */
const queryFromLink = (link: string | undefined): Option.Option<URLSearchParams> =>
  link === undefined ? Option.none() : Option.some(new URLSearchParams(link.split("?")[1] ?? ""))

const invalidLink = (detail: string) =>
  new Errors.ResponseParseError({ reason: "Unexpected", path: "Metadata.NextPageUri", detail })

interface Bulk {
  readonly findEnded: (sids: Iterable<string>, options?: FindOptions) => Effect.Effect<FindResult, Errors.AccountError>
  readonly listEnded: (query?: CallQuery) => Stream.Stream<Call, Errors.AccountError>
}

export const make = (config: ExotelConfig, client: Client): Bulk => {
  const readPage = (name: string, query: URLSearchParams): Effect.Effect<Page, Errors.AccountError> =>
    client.read({
      name,
      template: "/v1/Accounts/{AccountSid}/Calls",
      request: HttpClientRequest.get(callsUrl(config.baseUrl, config.accountSid, config.format, query)),
      decode: pageFromResponse
    }).pipe(
      Effect.tap(({ calls }) => Effect.forEach(Arr.getRights(calls), countUnreadable, { discard: true })),
      Effect.catchTag("CallNotFound", (error) =>
        isEmptyResult(error) ? Effect.succeed(noCalls) : Effect.fail(unknownAccount(error)))
    )

  /** The pages from the query's first to the last one. Fails instead of reading a page twice. */
  const pages = (name: string, query: URLSearchParams): Stream.Stream<Page, Errors.AccountError> =>
    Stream.suspend(() => {
      const visited = new Set<string>()
      return Stream.paginateEffect(query, (query) => {
        if (visited.has(String(query))) return invalidLink("the link leads back to an earlier page")
        visited.add(String(query))
        return Effect.map(readPage(name, query), (page) => [page, queryFromLink(page.next)] as const)
      })
    })

  const list = (request: URLSearchParams): Stream.Stream<Call, Errors.AccountError> =>
    pages("ExotelCalls.listEnded", request).pipe(
      Stream.mapConcat(({ calls }) => calls),
      Stream.mapEffect((call) => call)
    )

  const listEnded = (query: CallQuery = {}): Stream.Stream<Call, Errors.AccountError> =>
    Stream.unwrap(Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      const parts = yield* toRequests(query, now, config.timeZone)
      const merge = mergeByCreation(query.order ?? "desc")
      return Stream.fromIterable(parts).pipe(Stream.flatMap((requests) => Arr.map(requests, list).reduce(merge)))
    }))

  const findEnded = (
    sids: Iterable<string>,
    options: FindOptions = {}
  ): Effect.Effect<FindResult, Errors.AccountError> =>
    Effect.gen(function*() {
      const { chunkSize = 100, details = false, since } = options
      if (!Number.isInteger(chunkSize) || chunkSize < 1 || chunkSize > 100) {
        return yield* new Errors.InvalidRequest({ reason: "chunkSize must be 1 to 100" })
      }
      // It is unknown whether Exotel ignores the case of a sid.
      const missing = new Map<string, CallSid>()
      for (const sid of sids) {
        if (!isCallSid(sid)) {
          return yield* new Errors.InvalidRequest({ reason: "a call sid is made of letters and digits only" })
        }
        missing.set(sid.toLowerCase(), sid)
      }
      const now = yield* Clock.currentTimeMillis
      const parts = yield* createdFilters(since && { since }, now, config.timeZone)
      const calls: Array<Call> = []
      const malformed: Array<Errors.ResponseParseError> = []

      /** Keeps the calls that were asked for, and returns whether there was one. */
      const keep = (page: Page): boolean => {
        const before = missing.size
        for (const call of page.calls) {
          const sid = Either.isRight(call) ? call.right.sid : call.left.sid
          const isRequested = sid !== undefined && missing.delete(sid.toLowerCase())
          if (Either.isRight(call) && isRequested) calls.push(call.right)
          if (Either.isLeft(call) && (isRequested || sid === undefined)) malformed.push(call.left)
        }
        return missing.size < before
      }

      const findChunk = (chunk: Chunk.Chunk<CallSid>, created: ReadonlyArray<readonly [string, string]>) => {
        const isComplete = () => Chunk.every(chunk, (sid) => !missing.has(sid.toLowerCase()))
        const query = new URLSearchParams([
          ["Sid", Chunk.join(chunk, ",")],
          ["PageSize", String(chunkSize)],
          ...(details ? [["details", "true"]] : []),
          ...created.map(([name, value]) => [name, value])
        ])
        return pages("ExotelCalls.findEnded", query).pipe(
          Stream.mapEffect((page) =>
            // Each further page must bring a requested call, so there are no more pages than requested calls.
            keep(page) || isComplete() || page.next === undefined
              ? Effect.void
              : invalidLink("further pages follow one without a requested call; the Sid filter seems to be ignored")
          ),
          Stream.takeUntil(isComplete),
          Stream.runDrain
        )
      }

      // The newest part first: most of the calls have just ended.
      for (const created of parts.toReversed()) {
        for (const chunk of Chunk.chunksOf(Chunk.fromIterable(missing.values()), chunkSize)) {
          yield* findChunk(chunk, created)
        }
      }
      return { calls, missing: [...missing.values()], malformed }
    })

  return { findEnded, listEnded }
}
