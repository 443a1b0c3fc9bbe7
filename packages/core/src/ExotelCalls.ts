/**
 * Reads calls from Exotel: the service that an application composes as a layer.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type { Call, CallWithDetails } from "./Call.ts"
import type { CallQuery, FindOptions, FindResult } from "./CallQuery.ts"
import type { CallSid } from "./CallSid.ts"
import { isCallSid } from "./CallSid.ts"
import * as ExotelConfig from "./ExotelConfig.ts"
import * as Errors from "./ExotelError.ts"
import * as Bulk from "./internal/bulk/bulk.ts"
import { unknownAccount } from "./internal/bulk/bulk.ts"
import { callFromResponse, callWithDetailsFromResponse } from "./internal/decode/callFromResponse.ts"
import { countUnreadable } from "./internal/decode/countUnreadable.ts"
import type { DecodeContext, ParsedResponse } from "./internal/decode/response.ts"
import * as Client from "./internal/http/client.ts"
import { accountUrl, callUrl } from "./internal/http/urls.ts"
import { layerMemory, RequestBudget } from "./RequestBudget.ts"

/**
 * What a read can be asked for beyond the call itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReadOptions {
  /**
   * Asks for a `preSignedRecordingUrl` that is good for this long: 5 to 60 minutes, in whole minutes (call-details
   * page). Outside of that the read fails with `InvalidRequest`, unsent.
   */
  readonly recordingUrlValidity?: Duration.DurationInput | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Reads a call. Retried after transport errors, 429 and 5xx, as the `RetryPolicy` says; each attempt has the
   * configured time-out. A sid that is not letters and digits fails with `InvalidRequest`, unsent.
   */
  readonly get: (sid: string, options?: ReadOptions) => Effect.Effect<Call, Errors.ExotelError>
  /**
   * Reads a call with its details. If Exotel leaves them out, as it may for a call that has just begun, they are there
   * with nothing known in them.
   */
  readonly getWithDetails: (sid: string, options?: ReadOptions) => Effect.Effect<CallWithDetails, Errors.ExotelError>
  /**
   * Checks, without a call, that the credentials are good and that the configured region serves the account: the thing
   * to do when a program starts. Asks for the account resource and reads nothing but its status, for its body holds a
   * token; so whatever answers 2xx passes.
   */
  readonly verify: Effect.Effect<void, Errors.AccountError>
  /**
   * Which of these calls have **ended**, by the bulk read: one request for every hundred. A call that is not in it, because
   * it goes on, is unknown or is older than what was searched, is told as `missing`. The records have no details.
   */
  readonly findEnded: (sids: Iterable<string>, options?: FindOptions) => Effect.Effect<FindResult, Errors.AccountError>
  /**
   * The ended calls that the query asks for, page by page as the stream is pulled. A record that cannot be read fails the
   * stream where it stands.
   */
  readonly listEnded: (query?: CallQuery) => Stream.Stream<Call, Errors.AccountError>
}

/**
 * @since 0.1.0
 * @category services
 */
export class ExotelCalls extends Context.Tag("@effect-exotel/core/ExotelCalls")<ExotelCalls, Service>() {}

/** Whole minutes from 5 to 60, none when not asked for. */
const readValidity = (options: ReadOptions | undefined): Effect.Effect<number | undefined, Errors.InvalidRequest> => {
  const input = options?.recordingUrlValidity
  if (input === undefined) return Effect.void as Effect.Effect<undefined>
  const minutes = Option.match(Duration.decodeUnknown(input), { onNone: () => NaN, onSome: Duration.toMinutes })
  return Number.isInteger(minutes) && minutes >= 5 && minutes <= 60
    ? Effect.succeed(minutes)
    : Effect.fail(new Errors.InvalidRequest({ reason: "recordingUrlValidity must be 5 to 60 whole minutes" }))
}

const checkSid = (sid: string): Effect.Effect<CallSid, Errors.InvalidRequest> =>
  isCallSid(sid)
    ? Effect.succeed(sid)
    : Effect.fail(new Errors.InvalidRequest({ reason: "a call sid is made of letters and digits only" }))

const fromConfig = (
  config: ExotelConfig.ExotelConfig
): Effect.Effect<Service, never, HttpClient.HttpClient | RequestBudget> =>
  Effect.gen(function*() {
    const client = yield* Client.make(config, yield* RequestBudget)

    const read = <A extends Call>(
      input: string,
      options: ReadOptions | undefined,
      details: boolean,
      decode: (answer: ParsedResponse, reading: DecodeContext) => Either.Either<A, Errors.ExotelError>
    ) =>
      Effect.gen(function*() {
        const sid = yield* checkSid(input)
        const recordingUrlValidity = yield* readValidity(options)
        return yield* client.read({
          name: details ? "ExotelCalls.getWithDetails" : "ExotelCalls.get",
          template: "/v1/Accounts/{AccountSid}/Calls/{CallSid}",
          sid,
          url: callUrl(config.baseUrl, config.accountSid, sid, {
            format: config.format,
            details,
            recordingUrlValidity
          }),
          decode
        }).pipe(Effect.tap(countUnreadable))
      })

    const verify = client.read({
      name: "ExotelCalls.verify",
      template: "/v1/Accounts/{AccountSid}",
      url: accountUrl(config.baseUrl, config.accountSid),
      statusOnly: true,
      decode: () => Either.void
    }).pipe(Effect.catchTag("CallNotFound", (error) => Effect.fail(unknownAccount(error))))

    return {
      get: (sid, options) => read(sid, options, false, callFromResponse),
      getWithDetails: (sid, options) => read(sid, options, true, callWithDetailsFromResponse),
      verify,
      ...Bulk.make(config, client)
    }
  })

/**
 * Makes the service over the `HttpClient` and the `RequestBudget` in the context. Fails with a `ConfigError` that names the
 * option when an option is invalid; no request is sent.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: ExotelConfig.Options
): Effect.Effect<Service, ConfigError.ConfigError, HttpClient.HttpClient | RequestBudget> =>
  Effect.flatMap(ExotelConfig.make(options), fromConfig)

/**
 * The service over a `RequestBudget` from the context: for several clients that share one, in a program
 * (`RequestBudget.layerMemory`) or across processes (`RequestBudget/Shared`). `requestsPerMinute` is not used.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWithBudget = (
  options: ExotelConfig.Options
): Layer.Layer<ExotelCalls, ConfigError.ConfigError, HttpClient.HttpClient | RequestBudget> =>
  Layer.effect(ExotelCalls, make(options))

/**
 * The service from options, with a budget of `requestsPerMinute` in memory. The application chooses the HTTP client; on
 * Node, the undici client is the fastest.
 *
 * @example
 * ```ts
 * import { ExotelCalls } from "@effect-exotel/core"
 * import { NodeHttpClient } from "@effect/platform-node"
 * import { Layer, Redacted } from "effect"
 *
 * const ExotelLive = ExotelCalls.layer({
 *   apiKey: Redacted.make("…"),
 *   apiToken: Redacted.make("…"),
 *   accountSid: "acme1m",
 *   region: "mumbai"
 * }).pipe(Layer.provide(NodeHttpClient.layerUndici))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: ExotelConfig.Options
): Layer.Layer<ExotelCalls | RequestBudget, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Layer.provideMerge(layerWithBudget(options), layerMemory(options))

/**
 * The service from a `Config`, over a `RequestBudget` from the context.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfigWithBudget = (
  config: Config.Config.Wrap<ExotelConfig.Options> = ExotelConfig.fromEnv
): Layer.Layer<ExotelCalls, ConfigError.ConfigError, HttpClient.HttpClient | RequestBudget> =>
  Layer.effect(ExotelCalls, Effect.flatMap(Config.unwrap(config), make))

/**
 * The service from a `Config`, by default the `EXOTEL_*` variables of the environment, with a budget of
 * `requestsPerMinute` in memory.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  config: Config.Config.Wrap<ExotelConfig.Options> = ExotelConfig.fromEnv
): Layer.Layer<ExotelCalls | RequestBudget, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(config), layer))
