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
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Call, CallWithDetails } from "./Call.ts"
import { hasDetails } from "./Call.ts"
import { isCallSid } from "./CallSid.ts"
import * as ExotelConfig from "./ExotelConfig.ts"
import * as Errors from "./ExotelError.ts"
import { secretForms } from "./internal/masking.ts"
import * as RegionProbe from "./internal/regionProbe.ts"
import type { Reading } from "./internal/reply.ts"
import { callOfAnswer, errorOfAnswer } from "./internal/reply.ts"
import { makeBudget, withRetries } from "./internal/retry.ts"
import * as Transport from "./internal/transport.ts"
import { accountUrl, callUrl } from "./internal/urls.ts"

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
 * What `verify` can fail with: everything but what needs a call.
 *
 * @since 0.1.0
 * @category models
 */
export type VerifyError = Exclude<Errors.ExotelError, Errors.CallNotFound | Errors.ParseError>

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
   * to do when a program starts. Asks for the account resource and reads nothing but its status.
   */
  readonly verify: Effect.Effect<void, VerifyError>
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

const fromConfig = (config: ExotelConfig.ExotelConfig): Effect.Effect<Service, never, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const transport = yield* Transport.make(config)
    const probe = yield* RegionProbe.make(config, transport)
    const budget = makeBudget()
    const region = Option.match(config.region, { onNone: () => ({}), onSome: (region) => ({ region }) })
    const apiKey = Redacted.value(config.apiKey)
    const apiToken = Redacted.value(config.apiToken)
    const secrets = secretForms(apiKey, apiToken, Encoding.encodeBase64(`${apiKey}:${apiToken}`))
    const serverAddress = new URL(config.baseUrl).hostname

    /** One answer, with what kept it from coming as an error of ours. */
    const ask = <A extends { readonly status: number }>(
      request: Effect.Effect<A, Transport.NoAnswer>,
      place: Parameters<typeof Transport.toError>[1]
    ): Effect.Effect<A, Errors.ExotelError> =>
      request.pipe(
        Effect.mapError((cause) => Transport.toError(cause, place)),
        Effect.tap((answer) => Effect.annotateCurrentSpan("http.response.status_code", answer.status))
      )

    const retried = <A>(
      read: Effect.Effect<A, Errors.ExotelError>,
      place: { readonly sid?: string }
    ): Effect.Effect<A, Errors.ExotelError> =>
      withRetries(read, budget, (attempt, error, delay) =>
        Effect.logDebug("Exotel read failed; trying again").pipe(
          Effect.annotateLogs({ ...place, attempt, error: error._tag, delay: Duration.format(delay) })
        ))

    const explained = <A>(read: Effect.Effect<A, Errors.ExotelError>): Effect.Effect<A, Errors.ExotelError> =>
      Effect.catchAll(read, (error) => Effect.flatMap(probe.explain(error), Effect.fail)).pipe(
        Effect.tapError((error) => Effect.annotateCurrentSpan("error.type", error._tag))
      )

    const span = (name: string, attributes: Record<string, unknown>) =>
      Effect.withSpan(name, {
        kind: "client",
        captureStackTrace: false,
        attributes: { "http.request.method": "GET", "server.address": serverAddress, ...attributes }
      })

    const read = (sid: string, details: boolean, options: ReadOptions | undefined) =>
      Effect.gen(function*() {
        if (!isCallSid(sid)) {
          return yield* new Errors.InvalidRequest({ reason: "a call sid is made of letters and digits only" })
        }
        const place = { sid, ...region }
        const recordingUrlValidity = yield* readValidity(options)
        const url = callUrl(config.baseUrl, config.accountSid, sid, {
          format: config.format,
          details,
          recordingUrlValidity
        })
        const reading: Reading = { ...place, secrets, timeZone: config.timeZone }
        const readOnce = Effect.flatMap(ask(transport.fetch(url), place), (answer) =>
          Transport.isSuccess(answer.status)
            ? callOfAnswer(answer, { ...reading, details })
            : Effect.fail(errorOfAnswer(answer, reading)))
        return yield* explained(retried(readOnce, { sid })).pipe(
          span(details ? "ExotelCalls.getWithDetails" : "ExotelCalls.get", {
            "url.template": "/v1/Accounts/{AccountSid}/Calls/{CallSid}",
            "exotel.call.sid": sid
          })
        )
      })

    const account = accountUrl(config.baseUrl, config.accountSid)
    const verifyOnce = Effect.flatMap(
      ask(transport.status(account), region),
      (answer) =>
        Transport.isSuccess(answer.status)
          ? Effect.void
          : Effect.fail(errorOfAnswer({ ...answer, body: "" }, { ...region, secrets, timeZone: config.timeZone }))
    )

    return {
      get: (sid, options) => read(sid, false, options),
      getWithDetails: (sid, options) => Effect.filterOrDie(read(sid, true, options), hasDetails, () => "unreachable"),
      verify: explained(retried(verifyOnce, {})).pipe(
        // Without a call, "not found" is the account's: its sid or its credentials are wrong in every region.
        Effect.catchTags({
          CallNotFound: ({ status }) => Effect.fail(new Errors.AuthenticationError({ ...region, status })),
          ParseError: ({ status }) =>
            Effect.fail(
              new Errors.InvalidRequest({ ...region, ...(status === undefined ? {} : { status }) })
            )
        }),
        span("ExotelCalls.verify", { "url.template": "/v1/Accounts/{AccountSid}" })
      )
    }
  })

/**
 * Makes the service over the `HttpClient` in the context. Fails with a `ConfigError` that names the option when one is
 * not usable; no request is sent.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: ExotelConfig.Options
): Effect.Effect<Service, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Effect.flatMap(ExotelConfig.make(options), fromConfig)

/**
 * The service from options. Which HTTP client carries it is the application's choice; on Node, the undici client is the
 * fastest.
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
): Layer.Layer<ExotelCalls, ConfigError.ConfigError, HttpClient.HttpClient> => Layer.effect(ExotelCalls, make(options))

/**
 * The service from a `Config`; from the environment's `EXOTEL_*` variables when none is given.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  config: Config.Config.Wrap<ExotelConfig.Options> = ExotelConfig.fromEnv
): Layer.Layer<ExotelCalls, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Layer.effect(ExotelCalls, Effect.flatMap(Config.unwrap(config), make))
