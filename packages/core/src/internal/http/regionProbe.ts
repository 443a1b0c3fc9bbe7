/** Finds the region that serves the account, once: one 404 or 401 does not show whether the region or the call is wrong. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ExotelConfig } from "../../ExotelConfig.ts"
import type { ExotelError } from "../../ExotelError.ts"
import { RegionMismatch } from "../../ExotelError.ts"
import * as Region from "../../Region.ts"
import { isSuccess, type Transport } from "./transport.ts"
import { accountUrl } from "./urls.ts"

/** How long an inconclusive result is kept, so that an outage is not probed with every failing read. */
const INCONCLUSIVE_MILLIS = 60_000

interface Finding {
  /** The region that serves the account, if one was found. */
  readonly region: Option.Option<Region.Region>
  readonly keptUntil: number
}

export interface RegionProbe {
  /** Returns `RegionMismatch` for an error that a wrong region has caused, and any other error unchanged. */
  readonly explain: <E extends ExotelError>(error: E) => Effect.Effect<E | RegionMismatch>
}

const none: RegionProbe = { explain: Effect.succeed }

/** A 403 shows that the region knows the credentials. Other errors show nothing about the region. */
const isSuspect = (error: ExotelError) => error._tag === "AuthenticationError" || error._tag === "CallNotFound"

export const make = (config: ExotelConfig, transport: Transport): Effect.Effect<RegionProbe> =>
  Effect.gen(function*() {
    if (config.regionProbe === "never" || Option.isNone(config.region)) return none
    const configured = config.region.value
    let finding: Finding | undefined
    // The first caller probes; the others wait for its result. If it is interrupted, the next caller probes.
    const oneAtATime = yield* Effect.makeSemaphore(1)

    const isServedBy = (region: Region.Region): Effect.Effect<boolean> =>
      // Only the status is read: the account resource holds an auth token.
      Effect.match(transport.status(HttpClientRequest.get(accountUrl(Region.baseUrls[region], config.accountSid))), {
        onFailure: () => false,
        onSuccess: ({ status }) => isSuccess(status)
      })

    const others = Region.all.filter((region) => region !== configured)
    const firstServing = Effect.findFirst([configured, ...others], isServedBy).pipe(
      Effect.withSpan("ExotelCalls.regionProbe", { captureStackTrace: false })
    )

    const find = Effect.gen(function*() {
      const before = yield* Clock.currentTimeMillis
      if (finding !== undefined && before < finding.keptUntil) return finding.region
      const region = yield* firstServing
      const now = yield* Clock.currentTimeMillis
      finding = { region, keptUntil: Option.isSome(region) ? Infinity : now + INCONCLUSIVE_MILLIS }
      return region
    }).pipe(oneAtATime.withPermits(1))

    return {
      explain: (error) =>
        isSuspect(error)
          ? Effect.map(find, (region) =>
            Option.isSome(region) && region.value !== configured
              ? new RegionMismatch({
                ...(error.sid === undefined ? {} : { sid: error.sid }),
                configured,
                actual: region.value
              })
              : error)
          : Effect.succeed(error)
    }
  })
