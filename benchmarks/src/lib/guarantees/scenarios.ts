/** The guarantees, each with the scenario that shows whether it holds for a contender. */
import { FaultPlan } from "@effect-exotel/testing"
import { Cause, Effect, Exit, Option, Redacted } from "effect"
import { setTimeout as sleep } from "node:timers/promises"
import { inspect } from "node:util"
import type { Contender } from "./Contender.ts"
import type { Stage } from "./Stage.ts"
import { gaps, INTERVAL } from "./Stage.ts"
import type { Verdict } from "./Verdict.ts"
import {
  describeError,
  didNotEndWith,
  didNotFail,
  endedBeforeAbort,
  notSupported,
  requestedAfterEnd,
  requests,
  unless
} from "./Verdict.ts"

export interface Guarantee {
  readonly name: string
  readonly judge: (contender: Contender, stage: Stage) => Effect.Effect<Verdict, unknown>
}

/** The statuses of a typical call: in progress from its creation, then completed. */
const statuses = ["in-progress", "completed"]

const completed = (status: string) => status === "completed"

/** The watch ends with the call's final status, despite the given faults. */
const endsWith =
  (statuses: ReadonlyArray<string>, faults?: FaultPlan.FaultPlan): Guarantee["judge"] => (contender, stage) =>
    Effect.gen(function*() {
      const subject = yield* stage.place(statuses, faults)
      yield* Effect.fork(stage.advance(subject))
      const outcome = yield* stage.observe(subject, contender.awaitEnd(subject), "3 seconds")
      return unless(didNotEndWith(outcome, (status) => status === statuses.at(-1)), requestedAfterEnd(outcome))
    })

const wrongPassword: Guarantee["judge"] = (contender, stage) =>
  Effect.gen(function*() {
    const placed = yield* stage.place(statuses)
    const subject = { ...placed, exotel: { ...placed.exotel, apiToken: Redacted.make("wrong") } }
    const outcome = yield* stage.observe(subject, contender.awaitEnd(subject), "1 second")
    const sent = outcome.reads.length + outcome.later.length
    return unless(didNotFail(outcome), sent !== 1 && `sent ${requests(sent)}`)
  })

const RETRY_AFTER = 2000

const retryAfter: Guarantee["judge"] = (contender, stage) =>
  Effect.gen(function*() {
    const throttled = FaultPlan.status(429, { retryAfter: String(RETRY_AFTER / 1000) }).pipe(FaultPlan.onRequest(2))
    const subject = yield* stage.place(statuses, throttled)
    yield* Effect.fork(stage.advance(subject))
    const outcome = yield* stage.observe(subject, contender.awaitEnd(subject), RETRY_AFTER + 1500)
    const [, rest = RETRY_AFTER, ...others] = gaps(outcome.reads)
    const slow = others.filter((gap) => gap > RETRY_AFTER / 2)
    return unless(
      didNotEndWith(outcome, completed),
      rest < RETRY_AFTER && `sent a request after ${rest} ms`,
      slow.length > 0 && `waited as long again, ${slow.length} times`
    )
  })

const enormousRetryAfter: Guarantee["judge"] = (contender, stage) =>
  Effect.gen(function*() {
    const subject = yield* stage.place(statuses, FaultPlan.status(429, { retryAfter: "3000000" }))
    const deadline = 1200
    const waiting = contender.awaitEndWithin?.(subject, deadline) ?? contender.awaitEnd(subject)
    const outcome = yield* stage.observe(subject, waiting, deadline + 300)
    const again = outcome.reads.length + outcome.later.length - 1
    return unless(didNotFail(outcome), again > 0 && `sent ${requests(again)} more`)
  })

const abortAsleep: Guarantee["judge"] = (contender, stage) =>
  Effect.gen(function*() {
    const placed = yield* stage.place(statuses)
    const subject = { ...placed, intervalMillis: 3 * INTERVAL }
    const asleep = stage.waitFor(subject, (reads) => reads.length >= 2 && reads.at(-1)?.outcome._tag === "Answered")
      .pipe(Effect.zipRight(Effect.sleep(INTERVAL)))
    const outcome = yield* stage.abortWhen(subject, contender.awaitEnd(subject), asleep)
    return unless(
      endedBeforeAbort(outcome),
      outcome.later.length > 0 && `sent ${requests(outcome.later.length)} after the abort`
    )
  })

const abortInFlight: Guarantee["judge"] = (contender, stage) =>
  Effect.gen(function*() {
    const subject = yield* stage.place(statuses, FaultPlan.stalled().pipe(FaultPlan.onRequest(2)))
    const inFlight = Effect.zipRight(stage.waitFor(subject, (reads) => reads.length >= 2), Effect.sleep(INTERVAL / 2))
    const outcome = yield* stage.abortWhen(subject, contender.awaitEnd(subject), inFlight)
    return unless(
      endedBeforeAbort(outcome),
      outcome.reads.at(-1)?.outcome._tag !== "Aborted" && "left the request under way",
      outcome.later.length > 0 && `sent ${requests(outcome.later.length)} after the abort`
    )
  })

const deadlineWhileHanging: Guarantee["judge"] = (contender, stage) =>
  Effect.gen(function*() {
    if (contender.awaitEndWithin === undefined) return notSupported
    const subject = yield* stage.place(statuses, FaultPlan.stalled().pipe(FaultPlan.onRequest(3)))
    const deadline = 800
    const outcome = yield* stage.observe(subject, contender.awaitEndWithin(subject, deadline), deadline + 800)
    const late = outcome.millis - deadline
    const cause = Option.flatMap(outcome.exit, Exit.causeOption)
    const named = Option.exists(cause, (cause) => inspect(Cause.squash(cause)).includes("in-progress"))
    return unless(
      didNotFail(outcome),
      Option.isSome(cause) && Math.abs(late) > 400 && `ended ${Math.abs(late)} ms too ${late < 0 ? "early" : "late"}`,
      Option.isSome(cause) && !named && `does not name the last status: ${describeError(cause.value)}`,
      requestedAfterEnd(outcome)
    )
  })

const sharedPoll: Guarantee["judge"] = (contender, stage) =>
  Effect.gen(function*() {
    if (contender.awaitEndTwice === undefined) return notSupported
    const [one, two] = [yield* stage.place(statuses), yield* stage.place(statuses)]
    // Concurrently, so that load on the machine affects both.
    yield* Effect.fork(stage.advance(one, two))
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

const resumed: Guarantee["judge"] = (contender, stage) =>
  Effect.gen(function*() {
    if (contender.resumption === undefined) return notSupported
    const { suspend, resume } = contender.resumption
    const subject = yield* stage.place(statuses)
    const token = yield* suspend(subject)
    const before = (yield* stage.reads(subject)).length
    yield* Effect.sleep(3 * INTERVAL)
    const meanwhile = (yield* stage.reads(subject)).length - before
    yield* Effect.fork(stage.advance(subject))
    const outcome = yield* stage.observe(subject, resume(subject, token), "2 seconds")
    return unless(
      didNotEndWith(outcome, (reported) => reported.join() === "completed"),
      meanwhile > 0 && `sent ${requests(meanwhile)} while suspended`,
      requestedAfterEnd(outcome)
    )
  })

const slowConsumer: Guarantee["judge"] = (contender, stage) =>
  Effect.gen(function*() {
    const { follow } = contender
    if (follow === undefined) return notSupported
    const statuses = ["queued", "ringing", "in-progress", "completed"]
    const subject = yield* stage.place(statuses)
    yield* Effect.fork(stage.advance(subject))
    const reported: Array<string> = []
    const consume = (status: string) => {
      reported.push(status)
      return sleep(4 * INTERVAL)
    }
    const outcome = yield* stage.observe(subject, follow(subject, consume), "4 seconds")
    // A poller that reports every poll may repeat a status, but not the final one.
    const changes = reported.filter((status, i) => completed(status) || status !== reported[i - 1])
    const shortest = Math.min(...gaps(outcome.reads))
    return unless(
      didNotEndWith(outcome, () => true),
      shortest < INTERVAL / 2 && `polled again after ${shortest} ms`,
      changes.join() !== statuses.join() && `reported ${changes.join(", ")}`,
      requestedAfterEnd(outcome)
    )
  })

export const guarantees: ReadonlyArray<Guarantee> = [
  { name: "Ends with the call's final status and sends no further request", judge: endsWith(statuses) },
  {
    name: "Survives a connection reset",
    judge: endsWith(statuses, FaultPlan.reset().pipe(FaultPlan.onRequest(2)))
  },
  { name: "Fails at once when the credentials are wrong", judge: wrongPassword },
  { name: "Honours a Retry-After of 2 s, for one wait", judge: retryAfter },
  { name: "Neither hangs nor sends many requests at a Retry-After of 3,000,000 s", judge: enormousRetryAfter },
  { name: "Aborted while it sleeps, sends no further request", judge: abortAsleep },
  { name: "Aborted during a request, aborts the request and sends no other", judge: abortInFlight },
  { name: "Its deadline holds while a poll hangs, and the error names the last status", judge: deadlineWhileHanging },
  { name: "Two watches of one call share its polls", judge: sharedPoll },
  {
    name: "Does not end at a web page or garbage with status 200",
    judge: endsWith(
      statuses,
      FaultPlan.all(FaultPlan.html.pipe(FaultPlan.onRequest(2)), FaultPlan.garbage.pipe(FaultPlan.onRequest(3)))
    )
  },
  { name: "Does not end at an unknown status", judge: endsWith(["in-progress", "transferring", "completed"]) },
  { name: "A busy call is a result, not an error", judge: endsWith(["in-progress", "busy"]) },
  { name: "Resumes from a serialised token without repeating a status", judge: resumed },
  { name: "A slow consumer misses no status and causes no burst", judge: slowConsumer }
]

/** Each step of a scenario has a limit; this limit is for the scenario as a whole. */
export const evaluate = (guarantee: Guarantee, contender: Contender, stage: Stage): Effect.Effect<Verdict, unknown> =>
  Effect.zipWith(guarantee.judge(contender, stage), stage.unusedFaults, (verdict, unusedFaults) =>
    // A guarantee does not hold if its fault was not applied.
    verdict._tag === "Holds" ? unless(...unusedFaults) : verdict).pipe(
      Effect.timeoutTo({
        duration: "10 seconds",
        onTimeout: (): Verdict => ({ _tag: "Breaks", seen: "the run did not end" }),
        onSuccess: (verdict) => verdict
      })
    )
