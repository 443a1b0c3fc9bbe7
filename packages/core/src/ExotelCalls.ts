/**
 * Reads calls from Exotel: the service that an application composes as a layer.
 *
 * @since 0.1.0
 */
import * as HttpBody from "@effect/platform/HttpBody"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Chunk from "effect/Chunk"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Call, CallWithDetails } from "./Call.ts"
import type { CallQuery, FindOptions, FindResult } from "./CallQuery.ts"
import type { CallSid } from "./CallSid.ts"
import { isCallSid } from "./CallSid.ts"
import type { ConnectError } from "./ConnectError.ts"
import type { ConnectRequest } from "./ConnectRequest.ts"
import * as ExotelConfig from "./ExotelConfig.ts"
import * as Errors from "./ExotelError.ts"
import * as Bulk from "./internal/bulk/bulk.ts"
import { unknownAccount } from "./internal/bulk/bulk.ts"
import { check, encode, numberForms, personalValues } from "./internal/connect/form.ts"
import { callFromResponse, callWithDetailsFromResponse } from "./internal/decode/callFromResponse.ts"
import { countUnreadable } from "./internal/decode/countUnreadable.ts"
import type { DecodeContext, ParsedResponse } from "./internal/decode/response.ts"
import * as Client from "./internal/http/client.ts"
import { accountUrl, callUrl, connectUrl } from "./internal/http/urls.ts"
import { layerMemory, RequestBudget } from "./RequestBudget.ts"

/**
 * Options of a read.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReadOptions {
  /**
   * Requests a `preSignedRecordingUrl` that is valid for 5 to 60 whole minutes (call-details page). Any other duration
   * fails with `InvalidRequest`, and no request is sent.
   */
  readonly recordingUrlValidity?: Duration.DurationInput | undefined
}

/**
 * Options of the search for a call whose outcome is unknown.
 *
 * @since 0.1.0
 * @category models
 */
export interface FindPlacedOptions {
  /**
   * By how much the time of creation in Exotel's clock may differ from the time at which the request was sent in this
   * machine's clock. Default: 2 minutes.
   */
  readonly margin?: Duration.DurationInput | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Reads a call. Retries transport errors, 429 and 5xx according to the `RetryPolicy`; each attempt has the configured
   * timeout. A sid that does not consist of letters and digits fails with `InvalidRequest`, and no request is sent.
   */
  readonly get: (sid: string, options?: ReadOptions) => Effect.Effect<Call, Errors.ExotelError>
  /**
   * Reads a call with its details. Exotel may omit them for a call that has just begun; all their fields are then empty.
   */
  readonly getWithDetails: (sid: string, options?: ReadOptions) => Effect.Effect<CallWithDetails, Errors.ExotelError>
  /**
   * Places a call with one request, and returns its record as it is at once, usually `in-progress`, which does not say that
   * a phone rings. Waits for the request budget before it sends the request.
   *
   * **At most one call is placed.** The request is sent again only after responses that prove that none was: after a 429, as
   * the `RetryPolicy` decides, and once after a 401 when `refreshCredentials` returns other credentials. Every error but
   * `CallOutcomeUnknown` proves that, too. After `CallOutcomeUnknown`, and after an interruption while the request is on
   * its way, the call may have been placed: do not call `connect` again before you know. Look for it with
   * {@link findPlaced}.
   *
   * Do not use an `HttpClient` that retries by itself, such as one of `HttpClient.retryTransient`: where it can be
   * detected, its second request is refused (`CallOutcomeUnknown` with the reason `ResendRefused`); elsewhere it could
   * place a second call.
   *
   * An invalid request fails with an `InvalidRequest` that names the field, and is not sent.
   */
  readonly connect: (request: ConnectRequest) => Effect.Effect<Call, ConnectError>
  /**
   * The **ended** calls that may be the one of a `connect` whose outcome is unknown, oldest first: those that were
   * created within `margin` of `sentAt`, first called `from`, and used the ExoPhone `callerId`. Two calls to one party
   * within that time are both returned, and can be distinguished by their `to` or by a callback with a `customField`.
   *
   * Bulk reads do not include ongoing calls, and how soon an ended call appears in them is not documented. So an empty
   * result proves nothing until the longest call (`timeLimit` and twice `ringTimeout`) and some minutes have passed.
   */
  readonly findPlaced: (
    request: Pick<ConnectRequest, "from" | "callerId">,
    sentAt: DateTime.DateTime,
    options?: FindPlacedOptions
  ) => Effect.Effect<ReadonlyArray<Call>, Errors.AccountError>
  /**
   * Checks at startup that the credentials are valid and that the configured region serves the account. Requests the
   * account resource and reads only its status, because its body holds a token. Any 2xx response passes.
   */
  readonly verify: Effect.Effect<void, Errors.AccountError>
  /**
   * Finds which of these calls have **ended**, with one bulk read for every 100 sids. A call that is ongoing, unknown or
   * older than the searched period is listed in `missing`. The records have no details unless `details` asks for them.
   */
  readonly findEnded: (sids: Iterable<string>, options?: FindOptions) => Effect.Effect<FindResult, Errors.AccountError>
  /**
   * The ended calls that match the query. The stream requests a page when it is pulled, and fails at the first record that
   * cannot be decoded.
   */
  readonly listEnded: (query?: CallQuery) => Stream.Stream<Call, Errors.AccountError>
}

/**
 * @since 0.1.0
 * @category services
 */
export class ExotelCalls extends Context.Tag("@effect-exotel/core/ExotelCalls")<ExotelCalls, Service>() {}

/** Returns whole minutes from 5 to 60, or nothing when not requested. */
const readValidity = (
  options: ReadOptions | undefined
): Either.Either<number | undefined, Errors.InvalidRequest> => {
  const input = options?.recordingUrlValidity
  if (input === undefined) return Either.right(undefined)
  const minutes = Option.match(Duration.decodeUnknown(input), { onNone: () => NaN, onSome: Duration.toMinutes })
  return Number.isInteger(minutes) && minutes >= 5 && minutes <= 60
    ? Either.right(minutes)
    : Either.left(new Errors.InvalidRequest({ reason: "recordingUrlValidity must be 5 to 60 whole minutes" }))
}

const checkSid = (sid: string): Either.Either<CallSid, Errors.InvalidRequest> =>
  isCallSid(sid)
    ? Either.right(sid)
    : Either.left(new Errors.InvalidRequest({ reason: "a call sid is made of letters and digits only" }))

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
      Effect.flatMap(
        Either.all([checkSid(input), readValidity(options)]),
        ([sid, recordingUrlValidity]) =>
          client.read({
            name: details ? "ExotelCalls.getWithDetails" : "ExotelCalls.get",
            template: "/v1/Accounts/{AccountSid}/Calls/{CallSid}",
            sid,
            request: HttpClientRequest.get(callUrl(config.baseUrl, config.accountSid, sid, {
              format: config.format,
              details,
              recordingUrlValidity
            })),
            decode
          })
      ).pipe(Effect.tap(countUnreadable))

    const verify = client.read({
      name: "ExotelCalls.verify",
      template: "/v1/Accounts/{AccountSid}",
      request: HttpClientRequest.get(accountUrl(config.baseUrl, config.accountSid)),
      statusOnly: true,
      decode: () => Either.void
    }).pipe(Effect.catchTag("CallNotFound", (error) => Effect.fail(unknownAccount(error))))

    const bulk = Bulk.make(config, client)

    const connect: Service["connect"] = (request) =>
      Effect.suspend(() =>
        Effect.flatMap(check(request), (checked) => {
          const form = encode(checked, config.accountSid)
          return client.place({
            name: "ExotelCalls.connect",
            template: "/v1/Accounts/{AccountSid}/Calls/connect",
            request: HttpClientRequest.post(connectUrl(config.baseUrl, config.accountSid, config.format), {
              body: HttpBody.text(String(form), "application/x-www-form-urlencoded")
            }),
            personal: personalValues(form)
          })
        })
      ).pipe(Effect.tap(countUnreadable))

    const findPlaced: Service["findPlaced"] = ({ callerId, from }, sentAt, { margin = "2 minutes" } = {}) =>
      bulk.listEnded({
        created: { since: DateTime.subtractDuration(sentAt, margin), until: DateTime.addDuration(sentAt, margin) },
        from: numberForms(from),
        exoPhone: numberForms(callerId),
        order: "asc"
      }).pipe(Stream.runCollect, Effect.map(Chunk.toReadonlyArray))

    return {
      connect,
      findPlaced,
      get: (sid, options) => read(sid, options, false, callFromResponse),
      getWithDetails: (sid, options) => read(sid, options, true, callWithDetailsFromResponse),
      verify,
      ...bulk
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
