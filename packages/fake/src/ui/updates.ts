/** The stream of updates that one open page receives. */
import * as FakeExotel from "@effect-exotel/testing/FakeExotel"
import { describe } from "@effect-exotel/testing/FaultPlan"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { callKey, type CallView, callView, type RequestView, requestView } from "./views.ts"

/** The controls that the page shows and changes. */
export interface Controls {
  /** Runs on the clock of the fake. */
  readonly onFakeClock: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  readonly speed: Effect.Effect<number>
  readonly setSpeed: (speed: number) => Effect.Effect<void>
  /** The behaviour of calls that are placed by request. */
  readonly behavior: Ref.Ref<string>
}

export interface Update {
  /** Whether the page forgets what it knows: the first update of a connection. */
  readonly reset?: true
  readonly now: number
  readonly speed: number
  /** The calls that differ from the previous update. */
  readonly calls: ReadonlyArray<CallView>
  readonly requests: ReadonlyArray<RequestView>
  readonly connect: string
  readonly faults: ReadonlyArray<string>
  readonly baseUrl: string
}

/** The largest number of requests and of ended calls in the first update. */
const MAX_INITIAL = 200

const INTERVAL = "100 millis"

/** A comment is sent after so many intervals without an update, so that a closed connection is noticed. */
const HEARTBEAT_INTERVALS = 150

const timesLeft = (times: number | undefined): string => times === undefined ? "" : `, ${times} more`

/** Reports the differences from its previous result; the first result is everything. */
export const makeReader = (controls: Controls): Effect.Effect<
  Effect.Effect<Update & { readonly changed: boolean }>,
  never,
  FakeExotel.FakeExotel
> =>
  Effect.map(FakeExotel.FakeExotel, (fake) => {
    const keys = new Map<string, { readonly script: unknown; readonly key: string }>()
    const pending = new Set<number>()
    let finished = 0
    let latest = 0
    let shown = ""
    return controls.onFakeClock(Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      const isFirst = shown === ""
      const changed = (yield* fake.calls).filter((call) => {
        const known = keys.get(call.sid)
        const key = callKey(call, now)
        if (known?.script === call.script && known.key === key) return false
        keys.set(call.sid, { script: call.script, key })
        return true
      }).map((call) => callView(call, now))
      const omitted = new Set(isFirst ? changed.filter((call) => call.ended).slice(0, -MAX_INITIAL) : [])
      const rows = (yield* fake.journalAfter(finished)).filter(({ index }) => index > latest || pending.has(index))
      const requests = (isFirst ? rows.slice(-MAX_INITIAL) : rows).filter(({ index, outcome }) =>
        index > latest || outcome._tag !== "Pending"
      )
      for (const { index, outcome } of rows) {
        latest = Math.max(latest, index)
        if (outcome._tag === "Pending") pending.add(index)
        else pending.delete(index)
      }
      finished = Math.min(latest, ...[...pending].map((index) => index - 1))
      const settings = {
        speed: yield* controls.speed,
        connect: yield* Ref.get(controls.behavior),
        faults: (yield* fake.armedFaults).faults.map((fault) => `${describe(fault)}${timesLeft(fault.times)}`),
        baseUrl: fake.baseUrl
      }
      const text = JSON.stringify(settings)
      const differs = text !== shown
      shown = text
      return {
        ...(isFirst ? { reset: true as const } : {}),
        now,
        ...settings,
        calls: changed.filter((call) => !omitted.has(call)),
        requests: requests.map(requestView),
        changed: differs || changed.length > 0 || requests.length > 0
      }
    }))
  })

/** Server-sent events, as text. Ends when the page closes the connection. */
export const events = (controls: Controls): Stream.Stream<string, never, FakeExotel.FakeExotel> =>
  Stream.unwrap(Effect.map(makeReader(controls), (read) => {
    let idle = 0
    return Stream.repeatEffectWithSchedule(read, Schedule.spaced(INTERVAL)).pipe(
      Stream.filterMap(({ changed, ...update }) => {
        idle = changed ? 0 : idle + 1
        if (changed) return Option.some(`data: ${JSON.stringify(update)}\n\n`)
        return idle % HEARTBEAT_INTERVALS === 0 ? Option.some(": waiting\n\n") : Option.none()
      })
    )
  }))
