/** Simulated people, and what happens when they are called. */
import { CallScript, ConnectPlan, FakeExotel, FaultPlan } from "@effect-exotel/testing"
import { Array, Duration, Effect } from "effect"
import type { Reminder } from "./campaign.ts"

const PEOPLE = 198

const numberOf = (person: number): string => `09000000${String(person).padStart(3, "0")}`

/** 200 reminders. Two people have two appointments; their numbers are listed in two forms. */
export const reminders: ReadonlyArray<Reminder> = [
  ...Array.makeBy(PEOPLE, (person) => ({ id: `appointment-${person}`, number: numberOf(person) })),
  ...[10, 13].map((person) => ({ id: `appointment-${person}b`, number: numberOf(person).replace(/^0/, "+91") }))
]

/** The outcome of a call depends on the person and the attempt. */
const connect = ({ attempt, from }: ConnectPlan.Request): ConnectPlan.Outcome => {
  const person = Number(from.slice(-3))
  if (person % 50 === 29) return ConnectPlan.doNotDisturb
  if (person % 40 === 19) return CallScript.failed()
  if (person % 20 === 7) return CallScript.busy()
  if (person % 25 === 11) return CallScript.noAnswer()
  if (person % 10 === 3 && attempt === 1) return CallScript.busy()
  if (person % 10 === 5 && attempt < 3) return CallScript.noAnswer()
  return CallScript.answered({ legs: 1, ring: "6 seconds", talk: Duration.seconds(20 + person % 20) })
}

const toConnect = FaultPlan.forOperation("connect")

/** The response to one request is lost, and another request is lost before its call is placed. */
const faults = FaultPlan.all(
  FaultPlan.reset().pipe(toConnect, FaultPlan.onRequest(40)),
  FaultPlan.status(504).pipe(toConnect, FaultPlan.placesCall(false), FaultPlan.onRequest(80))
)

export const fake: FakeExotel.Options = { connect, faults }

interface Figures {
  readonly placed: number
  /** In any minute. */
  readonly mostPerMinute: number
  readonly mostAtOnceToOnePerson: number
}

/** The largest number of intervals that have an instant in common; an end is not part of its interval. */
const mostAtOnce = (intervals: ReadonlyArray<readonly [start: number, end: number]>): number =>
  Math.max(0, ...intervals.map(([at]) => intervals.filter(([start, end]) => start <= at && at < end).length))

/** The calls as the fake received them, independently of the results of the campaign. */
export const figures: Effect.Effect<Figures, never, FakeExotel.FakeExotel> = Effect.gen(function*() {
  const fake = yield* FakeExotel.FakeExotel
  const calls = yield* Effect.forEach(
    yield* fake.placed,
    ({ at, from, sid }) =>
      Effect.map(fake.state(sid), ({ endsAt }) => ({
        person: from.slice(-10),
        at: at.epochMillis,
        end: at.epochMillis + endsAt
      }))
  )
  return {
    placed: calls.length,
    mostPerMinute: mostAtOnce(calls.map(({ at }) => [at, at + 60_000])),
    mostAtOnceToOnePerson: Math.max(
      0,
      ...Object.values(Array.groupBy(calls, ({ person }) => person)).map((of) =>
        mostAtOnce(of.map(({ at, end }) => [at, end]))
      )
    )
  }
})
