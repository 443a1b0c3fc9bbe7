/** The laws, each with the scenario that shows whether a contender holds it. */
import { FaultPlan } from "@effect-exotel/testing"
import { Cause, Effect, Exit, Option, Redacted } from "effect"
import { setTimeout as sleep } from "node:timers/promises"
import { inspect } from "node:util"
import type { Contender } from "./Contender.ts"
import type { Stage } from "./Stage.ts"
import { gaps, INTERVAL } from "./Stage.ts"
import type { Verdict } from "./Verdict.ts"
import {
  askedLater,
  didNotEndWith,
  didNotFail,
  noSuchThing,
  requests,
  shortly,
  unless,
  wasOverBefore
} from "./Verdict.ts"

export interface Law {
  readonly name: string
  readonly judge: (contender: Contender, stage: Stage) => Effect.Effect<Verdict, unknown>
}

/** A call as Exotel tells it: under way from the beginning, then over. */
const words = ["in-progress", "completed"]

const completed = (status: string) => status === "completed"

/** The watch is over with the call's ending, whatever went wrong on the way. */
const endsWith = (words: ReadonlyArray<string>, faults?: FaultPlan.FaultPlan): Law["judge"] => (contender, stage) =>
  Effect.gen(function*() {
    const subject = yield* stage.place(words, faults)
    yield* Effect.fork(stage.leadOn(subject))
    const outcome = yield* stage.observe(subject, contender.awaitEnd(subject), "3 seconds")
    return unless(didNotEndWith(outcome, (status) => status === words.at(-1)), askedLater(outcome))
  })

const wrongPassword: Law["judge"] = (contender, stage) =>
  Effect.gen(function*() {
    const placed = yield* stage.place(words)
    const subject = { ...placed, exotel: { ...placed.exotel, apiToken: Redacted.make("wrong") } }
    const outcome = yield* stage.observe(subject, contender.awaitEnd(subject), "1 second")
    const sent = outcome.reads.length + outcome.later.length
    return unless(didNotFail(outcome), sent !== 1 && `sent ${requests(sent)}`)
  })

const RETRY_AFTER = 2000

const retryAfter: Law["judge"] = (contender, stage) =>
  Effect.gen(function*() {
    const throttled = FaultPlan.status(429, { retryAfter: String(RETRY_AFTER / 1000) }).pipe(FaultPlan.onRequest(2))
    const subject = yield* stage.place(words, throttled)
    yield* Effect.fork(stage.leadOn(subject))
    const outcome = yield* stage.observe(subject, contender.awaitEnd(subject), RETRY_AFTER + 1500)
    const [, rest = RETRY_AFTER, ...others] = gaps(outcome.reads)
    const slow = others.filter((gap) => gap > RETRY_AFTER / 2)
    return unless(
      didNotEndWith(outcome, completed),
      rest < RETRY_AFTER && `asked again after ${rest} ms`,
      slow.length > 0 && `waited as long ${slow.length} times more`
    )
  })

const enormousRetryAfter: Law["judge"] = (contender, stage) =>
  Effect.gen(function*() {
    const subject = yield* stage.place(words, FaultPlan.status(429, { retryAfter: "3000000" }))
    const deadline = 1200
    const waiting = contender.awaitEndWithin?.(subject, deadline) ?? contender.awaitEnd(subject)
    const outcome = yield* stage.observe(subject, waiting, deadline + 300)
    const again = outcome.reads.length + outcome.later.length - 1
    return unless(didNotFail(outcome), again > 0 && `asked ${again} times more`)
  })

const abortAsleep: Law["judge"] = (contender, stage) =>
  Effect.gen(function*() {
    const placed = yield* stage.place(words)
    const subject = { ...placed, intervalMillis: 3 * INTERVAL }
    const asleep = stage.waitFor(subject, (reads) => reads.length >= 2 && reads.at(-1)?.outcome._tag === "Answered")
      .pipe(Effect.zipRight(Effect.sleep(INTERVAL)))
    const outcome = yield* stage.abortWhen(subject, contender.awaitEnd(subject), asleep)
    return unless(
      wasOverBefore(outcome),
      outcome.later.length > 0 && `sent ${requests(outcome.later.length)} after the abort`
    )
  })

const abortInFlight: Law["judge"] = (contender, stage) =>
  Effect.gen(function*() {
    const subject = yield* stage.place(words, FaultPlan.stalled().pipe(FaultPlan.onRequest(2)))
    const inFlight = Effect.zipRight(stage.waitFor(subject, (reads) => reads.length >= 2), Effect.sleep(INTERVAL / 2))
    const outcome = yield* stage.abortWhen(subject, contender.awaitEnd(subject), inFlight)
    return unless(
      wasOverBefore(outcome),
      outcome.reads.at(-1)?.outcome._tag !== "Aborted" && "left the request under way",
      outcome.later.length > 0 && `sent ${requests(outcome.later.length)} after the abort`
    )
  })

const deadlineWhileHanging: Law["judge"] = (contender, stage) =>
  Effect.gen(function*() {
    if (contender.awaitEndWithin === undefined) return noSuchThing
    const subject = yield* stage.place(words, FaultPlan.stalled().pipe(FaultPlan.onRequest(3)))
    const deadline = 800
    const outcome = yield* stage.observe(subject, contender.awaitEndWithin(subject, deadline), deadline + 800)
    const late = outcome.millis - deadline
    const cause = Option.flatMap(outcome.exit, Exit.causeOption)
    const named = Option.exists(cause, (cause) => inspect(Cause.squash(cause)).includes("in-progress"))
    return unless(
      didNotFail(outcome),
      Option.isSome(cause) && Math.abs(late) > 400 && `over ${Math.abs(late)} ms too ${late < 0 ? "early" : "late"}`,
      Option.isSome(cause) && !named && `names no last status: ${shortly(cause.value)}`,
      askedLater(outcome)
    )
  })

const sharedPoll: Law["judge"] = (contender, stage) =>
  Effect.gen(function*() {
    if (contender.awaitEndTwice === undefined) return noSuchThing
    const [one, two] = [yield* stage.place(words), yield* stage.place(words)]
    // Side by side, so that whatever slows the machine slows both.
    yield* Effect.fork(stage.leadOn(one, two))
    const [alone, shared] = yield* Effect.all([
      stage.observe(one, contender.awaitEnd(one), "2 seconds"),
      stage.observe(two, contender.awaitEndTwice(two), "2 seconds")
    ], { concurrency: "unbounded" })
    return unless(
      didNotEndWith(shared, (statuses) => statuses.every(completed)),
      shared.reads.length > alone.reads.length * 1.5 &&
        `two watches sent ${requests(shared.reads.length)}, one ${alone.reads.length}`
    )
  })

const resumed: Law["judge"] = (contender, stage) =>
  Effect.gen(function*() {
    if (contender.resumption === undefined) return noSuchThing
    const { putDown, takeUp } = contender.resumption
    const subject = yield* stage.place(words)
    const token = yield* putDown(subject)
    const before = (yield* stage.reads(subject)).length
    yield* Effect.sleep(3 * INTERVAL)
    const meanwhile = (yield* stage.reads(subject)).length - before
    yield* Effect.fork(stage.leadOn(subject))
    const outcome = yield* stage.observe(subject, takeUp(subject, token), "2 seconds")
    return unless(
      didNotEndWith(outcome, (told) => told.join() === "completed"),
      meanwhile > 0 && `sent ${requests(meanwhile)} while put down`,
      askedLater(outcome)
    )
  })

const slowConsumer: Law["judge"] = (contender, stage) =>
  Effect.gen(function*() {
    const { follow } = contender
    if (follow === undefined) return noSuchThing
    const words = ["queued", "ringing", "in-progress", "completed"]
    const subject = yield* stage.place(words)
    yield* Effect.fork(stage.leadOn(subject))
    const told: Array<string> = []
    const consume = (status: string) => {
      told.push(status)
      return sleep(4 * INTERVAL)
    }
    const outcome = yield* stage.observe(subject, follow(subject, consume), "4 seconds")
    // Who tells every poll may tell a status again, but not the end.
    const changes = told.filter((status, i) => completed(status) || status !== told[i - 1])
    const shortest = Math.min(...gaps(outcome.reads))
    return unless(
      didNotEndWith(outcome, () => true),
      shortest < INTERVAL / 2 && `polled again after ${shortest} ms`,
      changes.join() !== words.join() && `told ${changes.join(", ")}`,
      askedLater(outcome)
    )
  })

export const laws: ReadonlyArray<Law> = [
  { name: "Ends with the call's ending, and asks no more", judge: endsWith(words) },
  {
    name: "Survives a connection that is reset",
    judge: endsWith(words, FaultPlan.reset().pipe(FaultPlan.onRequest(2)))
  },
  { name: "Ends at once when the password is wrong", judge: wrongPassword },
  { name: "Honours a Retry-After of 2 s, for one wait", judge: retryAfter },
  { name: "Neither hangs nor hammers at a Retry-After of 3,000,000 s", judge: enormousRetryAfter },
  { name: "Aborted while it sleeps, asks no more", judge: abortAsleep },
  { name: "Aborted in flight, aborts the request and asks no more", judge: abortInFlight },
  { name: "Its deadline holds while a poll hangs, and the error names the last status", judge: deadlineWhileHanging },
  { name: "Two watches of one call share its polls", judge: sharedPoll },
  {
    name: "Takes neither a web page nor garbage under 200 for an end",
    judge: endsWith(
      words,
      FaultPlan.all(FaultPlan.html.pipe(FaultPlan.onRequest(2)), FaultPlan.garbage.pipe(FaultPlan.onRequest(3)))
    )
  },
  { name: "An unknown status is no end", judge: endsWith(["in-progress", "transferring", "completed"]) },
  { name: "A busy call is a result, not an error", judge: endsWith(["in-progress", "busy"]) },
  { name: "Goes on from a serialised token, and repeats nothing", judge: resumed },
  { name: "A slow consumer loses nothing and causes no burst", judge: slowConsumer }
]

/** The scenario has a limit for each step; this one is for a scenario that hangs itself. */
export const judged = (law: Law, contender: Contender, stage: Stage): Effect.Effect<Verdict, unknown> =>
  Effect.zipWith(law.judge(contender, stage), stage.unstruck, (verdict, unstruck) =>
    // Nobody holds a law that was not tried.
    verdict._tag === "Holds" ? unless(...unstruck) : verdict).pipe(
      Effect.timeoutTo({
        duration: "10 seconds",
        onTimeout: (): Verdict => ({ _tag: "Breaks", seen: "the run did not come to an end" }),
        onSuccess: (verdict) => verdict
      })
    )
