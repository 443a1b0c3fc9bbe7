/** Finds out, once, which region serves the account: one answer alone cannot tell a wrong region from a missing call. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ExotelConfig } from "../../ExotelConfig.ts"
import type { ExotelError } from "../../ExotelError.ts"
import { RegionMismatch } from "../../ExotelError.ts"
import * as Region from "../../Region.ts"
import { isSuccess, type Transport } from "./transport.ts"
import { accountUrl } from "./urls.ts"

/** How long an answer that settles nothing is kept, so that an outage is not probed with every failing read. */
const INCONCLUSIVE_MILLIS = 60_000

interface Finding {
  /** The region that serves the account, if one said so. */
  readonly region: Option.Option<Region.Region>
  readonly keptUntil: number
}

export interface RegionProbe {
  /** Turns an error that a wrong region could have caused into what it is. */
  readonly explain: (error: ExotelError) => Effect.Effect<ExotelError>
}

const none: RegionProbe = { explain: Effect.succeed }

/** A 403 says that the credentials are known here, and another error that nothing is known. */
const isSuspect = (error: ExotelError) => error._tag === "AuthenticationError" || error._tag === "CallNotFound"

export const make = (config: ExotelConfig, transport: Transport): Effect.Effect<RegionProbe> =>
  Effect.gen(function*() {
    if (config.regionProbe === "never" || Option.isNone(config.region)) return none
    const configured = config.region.value
    let finding: Finding | undefined
    // Callers queue here. The first one asks, the others find its answer; and should it be interrupted, the next asks.
    const oneAtATime = yield* Effect.makeSemaphore(1)

    const isServedBy = (region: Region.Region): Effect.Effect<boolean> =>
      // The status alone: the account resource holds an auth token, so its body is never read.
      Effect.match(transport.status(accountUrl(Region.baseUrls[region], config.accountSid)), {
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
