/**
 * Reminds people by phone: a limited number of calls a minute, up to three attempts by outcome, and never two calls to one
 * person at once. A call whose outcome is unknown is looked for, and not placed again.
 */
import { Call, type CallSid, type ConnectError, ConnectRequest, ExotelCalls } from "@effect-exotel/core"
import { CallWatch, WatchPolicy } from "@effect-exotel/watch"
import { Array, Data, type DateTime, Duration, Effect, RateLimiter, Ref, Schedule, Stream } from "effect"

export interface Reminder {
  /** Identifies the appointment. Contains nothing personal. */
  readonly id: string
  readonly number: string
}

export interface Settings {
  /** The ExoPhone. */
  readonly callerId: string
  /** The call flow that plays the reminder. */
  readonly appId: string
  readonly callsPerMinute: number
  readonly attempts: number
  /** The time until the next attempt. Longer than the two minutes within which `findPlaced` cannot distinguish calls. */
  readonly waitAfter: { readonly [S in Unreached]: Duration.DurationInput }
}

export const standard: Omit<Settings, "callerId" | "appId"> = {
  callsPerMinute: 30,
  attempts: 3,
  waitAfter: { busy: "5 minutes", "no-answer": "15 minutes" }
}

type Unreached = "busy" | "no-answer"

/** The result of one reminder. */
export type Outcome = Data.TaggedEnum<{
  /** The call was answered. */
  Reminded: {}
  /** The person was not reached at the last attempt. */
  NotReached: { readonly status: string }
  /** No call was placed at the last attempt; for example, the number is on the do-not-disturb register. */
  NotPlaced: { readonly error: Exclude<ConnectError.ConnectError, ConnectError.CallOutcomeUnknown>["_tag"] }
  /** Whether a call was placed, or how it ended, was not found out. A person has to decide whether to call again. */
  Unknown: { readonly error: "CallOutcomeUnknown" | "PlacedCallWatchFailed" }
}>
export const Outcome = Data.taggedEnum<Outcome>()

export interface Result {
  readonly id: string
  readonly outcome: Outcome
  /** How many requests to place a call were sent. */
  readonly attempts: number
}

/** Another attempt may reach the person. */
class TryAgain extends Data.TaggedError("TryAgain")<{ readonly status: Unreached }> {}

/** No call was found, or more than one. */
class NotFound extends Data.TaggedError("NotFound") {}

const TIME_LIMIT = Duration.minutes(2)
const RING_TIMEOUT = Duration.seconds(30)
/** After this time a call must have ended. */
const LONGEST_CALL = Duration.sum(TIME_LIMIT, Duration.times(RING_TIMEOUT, 2))

/** The last digits: one person may be listed as `08012345678` and as `+918012345678`. */
const personOf = ({ number }: Reminder): string => number.slice(-10)

const outcomeOf = (call: Call.TerminalCall): Effect.Effect<Outcome, TryAgain> => {
  switch (call.status) {
    case "completed":
      return Effect.succeed(Outcome.Reminded())
    case "busy":
    case "no-answer":
      return new TryAgain({ status: call.status })
    case "failed":
    case "canceled":
      return Effect.succeed(Outcome.NotReached({ status: call.status }))
  }
}

/** Returns the effect that serves one reminder. `earlier` are the calls of the person, to which it adds its own. */
const make = (settings: Settings) =>
  Effect.gen(function*() {
    const calls = yield* ExotelCalls.ExotelCalls
    const watch = yield* CallWatch.CallWatch
    // One call per interval, without the burst that a larger limit would allow.
    const limited = yield* RateLimiter.make({
      limit: 1,
      interval: Duration.millis(Math.ceil(60_000 / settings.callsPerMinute))
    })
    const nextAttempt = Schedule.identity<TryAgain>().pipe(
      Schedule.addDelay(({ status }) => settings.waitAfter[status]),
      Schedule.intersect(Schedule.recurs(settings.attempts - 1))
    )

    /** Looks for the call until some minutes after it must have ended, since only ended calls can be found. */
    const recover = (request: ConnectRequest.Flow, sentAt: DateTime.Utc, earlier: ReadonlySet<CallSid.CallSid>) =>
      calls.findPlaced(request, sentAt).pipe(
        Effect.map(Array.filter((call) => !earlier.has(call.sid))),
        Effect.flatMap(([call, ...others]) =>
          call !== undefined && Call.isTerminal(call) && others.length === 0 ? Effect.succeed(call) : new NotFound()
        ),
        Effect.retry(
          Schedule.spaced("1 minute").pipe(
            Schedule.upTo(Duration.sum(LONGEST_CALL, "5 minutes"))
          )
        )
      )

    return ({ id, number }: Reminder, earlier: Set<CallSid.CallSid>) =>
      Effect.gen(function*() {
        const attempts = yield* Ref.make(0)
        const request = ConnectRequest.flow({
          from: number,
          callerId: settings.callerId,
          appId: settings.appId,
          timeLimit: TIME_LIMIT,
          ringTimeout: RING_TIMEOUT,
          customField: id
        })
        const attempt = limited(Effect.zipRight(
          Ref.update(attempts, (n) => n + 1),
          watch.connectAndAwaitEnd(request, WatchPolicy.economical)
        )).pipe(
          Effect.catchTag(
            "CallOutcomeUnknown",
            (unknown) => Effect.mapError(recover(request, unknown.sentAt, earlier), () => unknown)
          ),
          Effect.tap((call) => Effect.sync(() => earlier.add(call.sid))),
          Effect.flatMap(outcomeOf),
          Effect.catchAll((error): Effect.Effect<Outcome, TryAgain> => {
            switch (error._tag) {
              case "TryAgain":
                return error
              case "CallOutcomeUnknown":
                return Effect.succeed(Outcome.Unknown({ error: error._tag }))
              case "PlacedCallWatchFailed":
                // The call may be in progress, and the next call to the person has to wait for its end.
                return Effect.delay(Effect.succeed(Outcome.Unknown({ error: error._tag })), LONGEST_CALL)
              default:
                return Effect.succeed(Outcome.NotPlaced({ error: error._tag }))
            }
          })
        )
        const outcome = yield* Effect.retry(attempt, nextAttempt).pipe(
          Effect.catchTag("TryAgain", ({ status }) => Effect.succeed(Outcome.NotReached({ status })))
        )
        return { id, outcome, attempts: yield* Ref.get(attempts) } satisfies Result
      })
  })

/** Emits the result of each reminder. Those of one person follow one another; everything else is concurrent. */
export const run = (
  reminders: Iterable<Reminder>,
  settings: Settings
): Stream.Stream<Result, never, CallWatch.CallWatch | ExotelCalls.ExotelCalls> =>
  Stream.unwrapScoped(
    Effect.map(make(settings), (remind) =>
      Stream.fromIterable(Object.values(Array.groupBy(reminders, personOf))).pipe(
        Stream.flatMap((ofOnePerson) => {
          const earlier = new Set<CallSid.CallSid>()
          return Stream.mapEffect(Stream.fromIterable(ofOnePerson), (reminder) => remind(reminder, earlier))
        }, { concurrency: "unbounded" })
      ))
  )
