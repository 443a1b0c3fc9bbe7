/** Runs one fake: its state, and the service through which a test controls it. */
import type { CallSid } from "@effect-exotel/core/CallSid"
import { isCallSid } from "@effect-exotel/core/CallSid"
import * as ExotelConfig from "@effect-exotel/core/ExotelConfig"
import * as Region from "@effect-exotel/core/Region"
import * as Clock from "effect/Clock"
import * as ConfigError from "effect/ConfigError"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Struct from "effect/Struct"
import type { CallbackPlan } from "../../CallbackPlan.ts"
import { clientFromApp } from "../../CallbackPlan.ts"
import { advanceAt } from "../../CallScript.ts"
import type { Placed } from "../../ConnectPlan.ts"
import type { Service } from "../../FakeExotel.ts"
import { make } from "../../FaultPlan.ts"
import type { JournalEntry } from "../../Journal.ts"
import { render } from "../../Journal.ts"
import { standard as standardFormat } from "../../WireFormat.ts"
import * as Callbacks from "./callbacks.ts"
import { makeState } from "./connect/connect.ts"
import { Outcomes } from "./connect/outcomes.ts"
import type { Account, Options, PlaceOptions } from "./options.ts"
import { pending } from "./pending.ts"
import type { Numbers, PlacedCall } from "./records.ts"
import { stateOf } from "./records.ts"
import type { Exchange, WireRequest } from "./router.ts"
import { exchange } from "./router.ts"
import type { Settings } from "./state.ts"
import { FakeState, openFakes } from "./state.ts"
import { UnmetExpectations } from "./unmetExpectations.ts"

const defaultNumbers: Numbers = { from: "09000000001", to: "09000000002", exoPhone: "08000000000" }

const numbersOf = (options: PlaceOptions): Numbers => ({
  from: options.from ?? defaultNumbers.from,
  to: options.to ?? defaultNumbers.to,
  exoPhone: options.exoPhone ?? defaultNumbers.exoPhone,
  ...Struct.pick(options, "callerName", "parentCallSid", "forwardedFrom")
})

const authorizationOf = (account: Account): string =>
  `Basic ${Encoding.encodeBase64(`${Redacted.value(account.apiKey)}:${Redacted.value(account.apiToken)}`)}`

/** A fake, and its service for clients that reach it by a region or a base URL. */
export interface Running {
  readonly state: FakeState
  /** Answers a request now, and schedules the callbacks of the call that it places. */
  readonly handle: (request: WireRequest) => Effect.Effect<Exchange>
  readonly service: (
    reach: { readonly region: Region.Region } | { readonly baseUrl: string; readonly allowInsecure: true }
  ) => Service
}

const positive = (option: string, value: number): Effect.Effect<number, ConfigError.ConfigError> =>
  value > 0 ? Effect.succeed(value) : Effect.fail(ConfigError.InvalidData([option], "must be greater than zero"))

const settingsOf = (
  options: Options,
  timeZone: Settings["timeZone"]
): Effect.Effect<Settings, ConfigError.ConfigError> =>
  Effect.gen(function*() {
    return {
      seed: options.seed ?? 1,
      timeZone,
      wireFormat: { ...standardFormat, ...options.wireFormat },
      requestsPerMinute: yield* positive("requestsPerMinute", options.requestsPerMinute ?? 200),
      retryAfter: options.retryAfter ?? "absent",
      bulkLagMillis: Duration.toMillis(options.bulkLag ?? Duration.zero),
      bulkDetails: options.bulkDetails ?? true,
      statusFilter: options.statusFilter ?? "list",
      wrongRegion: options.wrongRegion ?? 404,
      unknownCall: options.unknownCall ?? 404,
      strict: options.strict ?? false,
      journalLimit: yield* positive("journalLimit", options.journalLimit ?? Infinity)
    }
  })

export const run = (
  options: Options & { readonly accounts: readonly [Account, ...ReadonlyArray<Account>] },
  afterCallback: (entry: JournalEntry) => Effect.Effect<void> = () => Effect.void
): Effect.Effect<Running, ConfigError.ConfigError, Scope.Scope> =>
  Effect.gen(function*() {
    const { accounts } = options
    const { region, ...credentials } = accounts[0]
    const timeZone = options.timeZone === undefined ? {} : { timeZone: options.timeZone }
    const config = yield* ExotelConfig.make({ ...credentials, region, ...timeZone })
    const settings = yield* settingsOf(options, config.timeZone)
    const now = Clock.currentTimeMillis
    const unseen = yield* Queue.unbounded<Placed>()
    const state = new FakeState(
      settings,
      accounts.map((account) => ({ ...account, authorization: authorizationOf(account) })),
      makeState(options.connect, options.connectSettings ?? {}, unseen),
      yield* now
    )
    yield* Effect.acquireRelease(
      Effect.sync(() => openFakes.add(state)),
      () => Effect.sync(() => openFakes.delete(state))
    )
    if (options.faults !== undefined) state.faults.add(options.faults, state.began)
    const callbacks = yield* Callbacks.make(
      state,
      options.callbackClient,
      (row) => afterCallback(state.toEntry(row))
    )

    const schedule = (call: PlacedCall, own: CallbackPlan | undefined): Effect.Effect<void> => {
      const callback = own ?? options.statusCallback
      return callback === undefined ? Effect.void : callbacks.schedule(call, callback)
    }

    const handle = (request: WireRequest): Effect.Effect<Exchange> =>
      Effect.uninterruptible(Effect.flatMap(now, (at) => {
        const answer = exchange(state, request, at)
        const { connected } = answer
        return connected === undefined
          ? Effect.succeed(answer)
          : Effect.as(schedule(connected.call, connected.callback), answer)
      }))

    const known = (sid: CallSid): Effect.Effect<PlacedCall> => {
      const call = state.calls.get(sid)
      return call === undefined
        ? Effect.dieMessage(`FakeExotel has no call ${sid}; place it before it is used`)
        : Effect.succeed(call)
    }

    const update: Service["update"] = (sid, change) =>
      Effect.gen(function*() {
        const call = yield* known(sid)
        const at = yield* now
        call.script = change(call.script, Duration.millis(at - call.start))
        yield* callbacks.reschedule(call)
        return stateOf(call, at)
      })

    const verify = Effect.suspend(() => {
      const problems = state.problems()
      return problems.length === 0
        ? Effect.void
        : new UnmetExpectations({ problems, journal: render(state.journal().slice(-20)) })
    })

    const service = (reach: Parameters<Running["service"]>[0]): Service => ({
      options: {
        ...credentials,
        ...reach,
        ...timeZone,
        // A client limit above that of the fake lets a test see 429; a client cannot know of a higher limit.
        requestsPerMinute: Math.max(200, settings.requestsPerMinute),
        ...options.client
      },
      baseUrl: "baseUrl" in reach ? reach.baseUrl : Region.baseUrls[reach.region],
      place: (script, placing = {}) =>
        Effect.flatMap(now, (at) => {
          const start = at + Duration.toMillis(placing.startsIn ?? Duration.zero)
          const sid = placing.sid ?? state.nextSid()
          const accountSid = placing.accountSid ?? credentials.accountSid
          if (!isCallSid(sid)) return Effect.dieMessage("A call sid is made of letters and digits only")
          if (state.calls.has(sid)) return Effect.dieMessage(`FakeExotel has a call ${sid} already`)
          if (!state.accounts.has(accountSid)) return Effect.dieMessage(`FakeExotel has no account ${accountSid}`)
          const readableAt = start + Duration.toMillis(placing.readableAfter ?? Duration.zero)
          const call: PlacedCall = { sid, accountSid, start, readableAt, numbers: numbersOf(placing), script }
          state.calls.set(sid, call)
          return Effect.as(schedule(call, placing.statusCallback), sid)
        }),
      step: (sid) => update(sid, (script, elapsed) => advanceAt(script, elapsed)),
      update,
      state: (sid) => Effect.zipWith(known(sid), now, stateOf),
      onConnect: (plan) =>
        Effect.sync(() => {
          state.connect.outcomes = new Outcomes(plan)
        }),
      placed: Effect.sync(() => [...state.connect.placed]),
      nextPlaced: Queue.take(unseen),
      faults: (plan) => Effect.map(now, (at) => state.faults.add(plan, at)),
      clearFaults: Effect.sync(() => state.faults.clear()),
      deliverCallbacks: (app) => Effect.flatMap(clientFromApp(app), callbacks.connect),
      armedFaults: Effect.map(now, (at) => make(state.faults.armed(at))),
      calls: Effect.sync(() => [...state.calls.values()]),
      journal: Effect.sync(() => state.journal()),
      journalAfter: (index) => Effect.sync(() => state.journal(index)),
      verify
    })
    const clientLimit = options.client?.requestsPerMinute ?? Math.max(200, settings.requestsPerMinute)
    yield* Effect.addFinalizer((exit) =>
      Exit.isInterrupted(exit)
        ? Effect.flatMap(pending(state, clientLimit), (lines) =>
          lines.length === 0
            ? Effect.void
            : Console.warn(`FakeExotel was interrupted while something was waiting:\n- ${lines.join("\n- ")}`))
        : Effect.void
    )
    if (options.verifyOnClose !== false) {
      yield* Effect.addFinalizer((exit) => Exit.isSuccess(exit) ? Effect.orDie(verify) : Effect.void)
    }
    return { handle, service, state }
  })
