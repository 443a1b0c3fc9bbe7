/**
 * A fake Exotel, driven by the clock: the service with which a test speaks, and the layers that put it where the
 * real one would be.
 *
 * | layer | gives | for |
 * |---|---|---|
 * | `layer` | `FakeExotel`, `ExotelCalls`, `RequestBudget` | code that asks for `ExotelCalls` |
 * | `layerHttpClient` | `FakeExotel`, `HttpClient` | an application with its own `ExotelCalls.layer…` |
 * | `layerServer` | `FakeExotel`, `ExotelCalls`, `RequestBudget` | real sockets on loopback; its address is `baseUrl` |
 *
 * Each of them is the real client with the real decoder, and a new, empty state each time that it is built. When a test
 * is interrupted, by its time limit for example, while requests or sleeps are pending, the layers write to the console
 * which ones, until when, and whether the `TestClock` has moved.
 *
 * @since 0.1.0
 */
import type { CallSid } from "@effect-exotel/core/CallSid"
import * as ExotelCalls from "@effect-exotel/core/ExotelCalls"
import type * as ExotelConfig from "@effect-exotel/core/ExotelConfig"
import * as Region from "@effect-exotel/core/Region"
import type * as RequestBudget from "@effect-exotel/core/RequestBudget"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpServerError from "@effect/platform/HttpServerError"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Clock from "effect/Clock"
import type * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { CallScript, State } from "./CallScript.ts"
import type { ConnectPlan, Placed } from "./ConnectPlan.ts"
import type { FaultPlan } from "./FaultPlan.ts"
import type { Options, PlaceOptions } from "./internal/fake/options.ts"
import { defaultAccount } from "./internal/fake/options.ts"
import type { PlacedCall } from "./internal/fake/records.ts"
import { refuse } from "./internal/fake/router.ts"
import { run } from "./internal/fake/run.ts"
import type { UnmetExpectations } from "./internal/fake/unmetExpectations.ts"
import { makeClient } from "./internal/wire/client.ts"
import type { JournalEntry } from "./Journal.ts"
import { renderEntry } from "./Journal.ts"

export { type Account, defaultAccount, type Options, type PlaceOptions } from "./internal/fake/options.ts"
export type { Numbers, PlacedCall } from "./internal/fake/records.ts"
export { UnmetExpectations } from "./internal/fake/unmetExpectations.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Credentials, account and region (or base URL) that reach this fake: `ExotelCalls.layer(fake.options)` works. */
  readonly options: ExotelConfig.Options
  /** Where this fake is reached. */
  readonly baseUrl: string
  /**
   * Begins a call now (or `startsIn` later). Dies when the sid is taken or no sid at all, or the account unknown: mistakes of a test.
   */
  readonly place: (script: CallScript, options?: PlaceOptions) => Effect.Effect<CallSid>
  /**
   * Ends what is going on with the call now: its phase, or after its end the wait for its record to settle. The way to
   * advance a script by hand (`CallScript.manual`).
   */
  readonly step: (sid: CallSid) => Effect.Effect<State>
  /**
   * Replaces the script of a call, which has run for `elapsed`. `CallScript.until(script, elapsed)` is its past; callbacks
   * that were posted already are not posted again.
   */
  readonly update: (
    sid: CallSid,
    change: (script: CallScript, elapsed: Duration.Duration) => CallScript
  ) => Effect.Effect<State>
  /** Where the call stands. Not a request. */
  readonly state: (sid: CallSid) => Effect.Effect<State>
  /** Replaces the plan for requests to place a call. Its counts begin now. */
  readonly onConnect: (plan: ConnectPlan) => Effect.Effect<void>
  /** The calls that were placed by request, in order. Those of `place` are not among them. */
  readonly placed: Effect.Effect<ReadonlyArray<Placed>>
  /** The first call placed by request that no earlier `nextPlaced` returned; waits for it. */
  readonly nextPlaced: Effect.Effect<Placed>
  /** Plans faults, beside those already planned. Their times and counts begin now. */
  readonly faults: (plan: FaultPlan) => Effect.Effect<void>
  /** Forgets every planned fault. */
  readonly clearFaults: Effect.Effect<void>
  /**
   * Delivers all further callbacks to this application, without a socket and on the same clock. The application may use
   * the fake itself, through a `CallWatch` for example.
   */
  readonly deliverCallbacks: <E, R>(
    app: HttpApp.Default<E, R>
  ) => Effect.Effect<void, never, Exclude<R, HttpServerRequest.HttpServerRequest | Scope.Scope>>
  /** The faults that may still fire; `times` is the number of times that are left. */
  readonly armedFaults: Effect.Effect<FaultPlan>
  /** Every call, in the order in which they were placed, by request or by `place`. */
  readonly calls: Effect.Effect<ReadonlyArray<PlacedCall>>
  /** Every request so far, in order. */
  readonly journal: Effect.Effect<ReadonlyArray<JournalEntry>>
  /** The requests after the one with this index, in order. */
  readonly journalAfter: (index: number) => Effect.Effect<ReadonlyArray<JournalEntry>>
  /** Fails when a planned fault has not fired, or an unexpected request arrived. */
  readonly verify: Effect.Effect<void, UnmetExpectations>
}

/**
 * @since 0.1.0
 * @category services
 */
export class FakeExotel extends Context.Tag("@effect-exotel/testing/FakeExotel")<FakeExotel, Service>() {}

const regionOfHost: ReadonlyMap<string, Region.Region> = new Map([
  ...Region.all.map((region) => [new URL(Region.baseUrls[region]).host, region] as const),
  // Legacy names that are still answered.
  ["api.exotel.in", "singapore"],
  ["twilix.exotel.in", "singapore"]
])

const runWire = (
  options: Options
): Effect.Effect<Context.Context<FakeExotel | HttpClient.HttpClient>, ConfigError.ConfigError, Scope.Scope> =>
  Effect.map(run({ ...options, accounts: options.accounts ?? [defaultAccount] }), ({ handle, service, state }) => {
    const client = makeClient((request, url, body) => {
      const region = regionOfHost.get(url.host)
      if (region === undefined) {
        const why = `the fake Exotel is reached at ${[...regionOfHost.keys()].join(", ")} only`
        return Effect.map(Clock.currentTimeMillis, (at) => {
          const { method } = request
          const row = state.record({ at, operation: "unknown", method, path: `//${url.host}`, sid: undefined })
          return refuse(state, row, why, "json")
        })
      }
      return handle({
        method: request.method,
        region,
        path: url.pathname,
        query: url.searchParams,
        authorization: request.headers["authorization"],
        body
      })
    })
    const fake = service({ region: (options.accounts?.[0] ?? defaultAccount).region })
    return Context.make(FakeExotel, fake).pipe(Context.add(HttpClient.HttpClient, client))
  })

/** The wire stays inside: it must not stand in for an application's other HTTP client. */
const withCalls = (
  wire: Context.Context<FakeExotel | HttpClient.HttpClient>
): Effect.Effect<
  Context.Context<FakeExotel | ExotelCalls.ExotelCalls | RequestBudget.RequestBudget>,
  ConfigError.ConfigError,
  Scope.Scope
> => {
  const fake = Context.get(wire, FakeExotel)
  return Layer.build(ExotelCalls.layer(fake.options)).pipe(
    Effect.provideService(HttpClient.HttpClient, Context.get(wire, HttpClient.HttpClient)),
    Effect.map(Context.add(FakeExotel, fake))
  )
}

/**
 * The wire alone: every request of the application's `HttpClient` to one of Exotel's hosts is answered by the fake. The
 * application keeps its own `ExotelCalls.layer…`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerHttpClient = (
  options: Options = {}
): Layer.Layer<FakeExotel | HttpClient.HttpClient, ConfigError.ConfigError> => Layer.scopedContext(runWire(options))

/**
 * The real `ExotelCalls` over the fake wire.
 *
 * @example
 * ```ts
 * import { ExotelCalls } from "@effect-exotel/core"
 * import { CallScript, FakeExotel } from "@effect-exotel/testing"
 * import { Effect, TestClock } from "effect"
 *
 * const test = Effect.gen(function*() {
 *   const fake = yield* FakeExotel.FakeExotel
 *   const calls = yield* ExotelCalls.ExotelCalls
 *   const sid = yield* fake.place(CallScript.answered({ ring: "8 seconds", talk: "40 seconds" }))
 *   yield* TestClock.adjust("1 minute")
 *   return yield* calls.get(sid)
 * }).pipe(Effect.provide(FakeExotel.layer()))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options = {}
): Layer.Layer<FakeExotel | ExotelCalls.ExotelCalls | RequestBudget.RequestBudget, ConfigError.ConfigError> =>
  Layer.scopedContext(Effect.flatMap(runWire(options), withCalls))

/**
 * How a loopback server is.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServerOptions extends Options {
  /** Default: any that is free. */
  readonly port?: number | undefined
  /** Default: `127.0.0.1`. */
  readonly host?: string | undefined
  /** Which region's cluster the server plays. Default: that of the first account. */
  readonly region?: Region.Region | undefined
  /** Receives each request and each callback when it is over. Default: a warning is logged for those that the fake does not know. */
  readonly onRequest?: ((entry: JournalEntry) => Effect.Effect<void>) | undefined
}

const warnOfRefused = (entry: JournalEntry): Effect.Effect<void> =>
  entry.outcome._tag === "Refused"
    ? Effect.logWarning(`FakeExotel does not support a request. ${renderEntry(entry)}`)
    : Effect.void

/**
 * A real HTTP server on loopback, and the real `ExotelCalls` over undici: sockets, resets and all. Real sockets take real
 * time; responses follow the clock in force where the layer is built. When the layer is closed, so is every connection.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerServer = (
  options: ServerOptions = {}
): Layer.Layer<
  FakeExotel | ExotelCalls.ExotelCalls | RequestBudget.RequestBudget,
  ConfigError.ConfigError | HttpServerError.ServeError
> =>
  Layer.scopedContext(Effect.gen(function*() {
    // Node's server and client are loaded only here: no other layer pays for them.
    const Server = yield* Effect.promise(() => import("./internal/wire/server.ts"))
    const wire = yield* Layer.build(Server.httpClient)
    const callbackClient = options.callbackClient ?? Context.get(wire, HttpClient.HttpClient)
    const onRequest = options.onRequest ?? warnOfRefused
    const { handle, service, state } = yield* run({
      ...options,
      callbackClient,
      accounts: options.accounts ?? [defaultAccount]
    }, onRequest)
    const region = options.region ?? (options.accounts?.[0] ?? defaultAccount).region
    const baseUrl = yield* Server.serve({
      host: options.host ?? "127.0.0.1",
      port: options.port ?? 0,
      handle: ({ authorization, body, method, url }) =>
        handle({ method, region, path: url.pathname, query: url.searchParams, authorization, body }),
      afterwards: (row) => onRequest(state.toEntry(row))
    })
    // The host may be another one than loopback; no real credentials are at risk.
    return yield* withCalls(Context.add(wire, FakeExotel, service({ baseUrl, allowInsecure: true })))
  }))

/**
 * The environment under which `ExotelCalls.layerConfig()` reaches this fake: `EXOTEL_API_KEY` and the others.
 *
 * @since 0.1.0
 * @category accessors
 */
export const configProvider = ({ options }: Service): ConfigProvider.ConfigProvider => {
  const entries: Array<[string, string]> = [
    ["EXOTEL_API_KEY", Redacted.value(options.apiKey)],
    ["EXOTEL_API_TOKEN", Redacted.value(options.apiToken)],
    ["EXOTEL_ACCOUNT_SID", options.accountSid]
  ]
  if (options.region !== undefined) entries.push(["EXOTEL_REGION", options.region])
  if (options.baseUrl !== undefined) entries.push(["EXOTEL_BASE_URL", String(options.baseUrl)])
  if (options.timeZone !== undefined) entries.push(["EXOTEL_TIME_ZONE", options.timeZone])
  return ConfigProvider.fromMap(new Map(entries))
}
