/** Helpers for tests of fleets: recording and reading their events. */
import { CallScript, type FakeExotel } from "@effect-exotel/testing"
import { type FleetEvent, WatchPolicy } from "@effect-exotel/watch"
import { Duration, Effect, FastCheck, Stream } from "effect"
import type { Options, Scenario } from "./scenarios.ts"

export const policy = { cadence: WatchPolicy.every("5 seconds") }

/** Options with one limit of requests per minute for the account and the client. */
export const limited = (requestsPerMinute: number, options: Options = {}): Options => ({
  requestsPerMinute,
  ...options,
  client: { requestsPerMinute, regionProbe: "never", ...options.client }
})

export interface Emitted {
  readonly at: number
  readonly event: FleetEvent.FleetEvent
}

/** Runs the fleet to its end, or for a limited time. */
export const follow = <E>(
  scenario: Scenario,
  fleet: Stream.Stream<FleetEvent.FleetEvent, E>,
  duration: Duration.DurationInput = "30 days"
): Effect.Effect<ReadonlyArray<Emitted>, E> =>
  Effect.suspend(() => {
    const emitted: Array<Emitted> = []
    return Stream.runForEach(fleet, (event) =>
      Effect.sync(() => {
        emitted.push({ at: scenario.now(), event })
      })).pipe(Effect.timeoutOption(duration), Effect.as(emitted))
  })

/** The tags of the events of one call. */
export const ofCall = (emitted: ReadonlyArray<Emitted>, sid: string): ReadonlyArray<string> =>
  emitted.flatMap(({ event }) => "sid" in event && event.sid === sid ? [event._tag] : [])

export const count = (emitted: ReadonlyArray<Emitted>, tag: FleetEvent.FleetEvent["_tag"]): number =>
  emitted.filter(({ event }) => event._tag === tag).length

/** The errors of the watches. */
export const failures = (emitted: ReadonlyArray<Emitted>) =>
  emitted.flatMap(({ event }) => event._tag === "Failed" ? [event.error] : [])

/** The time at which each call's end was emitted, in seconds. */
export const endings = (emitted: ReadonlyArray<Emitted>): ReadonlyMap<string, number> =>
  new Map(emitted.flatMap(({ at, event }) => event._tag === "Ended" ? [[event.sid, at]] : []))

export const seconds = (script: CallScript.CallScript): number => Duration.toSeconds(CallScript.duration(script))

export const talking = (length: number): CallScript.CallScript =>
  CallScript.answered({ ring: "1 second", talk: Duration.seconds(length - 1), settles: "20 seconds" })

export const placeAll = (
  fake: FakeExotel.Service,
  lengths: Iterable<number>
): Effect.Effect<ReadonlyArray<string>> => Effect.forEach(lengths, (length) => fake.place(talking(length)))

/** The largest number of requests in any sixty seconds, from times in seconds. */
export const busiestMinute = (times: ReadonlyArray<number>): number => {
  const millis = times.map((at) => Math.round(at * 1000))
  return Math.max(0, ...millis.map((from) => millis.filter((at) => at >= from && at < from + 60_000).length))
}

export const lengths = (min: number, max: number) => FastCheck.integer({ min, max })
