/** Simulates a call center on the virtual clock: a steady number of concurrent calls, all watched by one fleet. */
import { CallScript, FakeExotel, Simulation } from "@effect-exotel/testing"
import { CallWatch, type WatchPolicy } from "@effect-exotel/watch"
import { DateTime, Duration, Effect, Layer, Queue, Random, Stream } from "effect"

export interface CallCenter {
  /** Mean number of concurrent calls. */
  readonly calls: number
  /** Mean duration of a call; durations are exponentially distributed. */
  readonly meanSeconds: number
  readonly requestsPerMinute: number
  readonly bulkSize?: number
  readonly concurrency?: number
  readonly policy: WatchPolicy.Options
  /** Seconds from the end of a call to its appearance in the bulk read. */
  readonly bulkLagSeconds?: number
  /** Measured time after one minute of warm-up. */
  readonly minutes: number
  /** Ends in the last seconds of the simulation are not counted, because they may be reported later. Default: 60. */
  readonly graceSeconds?: number
  readonly seed?: number
}

export interface Report {
  /** Calls that ended in the measured time, early enough to be reported. */
  readonly ended: number
  /** Of these, calls whose end was not reported, and ends reported more than once. */
  readonly missed: number
  readonly duplicates: number
  /** Seconds from the end of a call to its `Ended` event, and from there to its details; sorted. */
  readonly endings: ReadonlyArray<number>
  readonly details: ReadonlyArray<number>
  readonly detailsUnavailable: number
  readonly longestBacklog: number
  /** Seconds from a change of status during a call to its event; sorted. */
  readonly changes: ReadonlyArray<number>
  readonly changesUnseen: number
  readonly requests: number
  readonly refused: number
  readonly bulkReads: number
  /** Largest number of requests in any 60 seconds. */
  readonly busiestMinute: number
}

const WARM_UP_SECONDS = 60

export const busiestMinute = (times: ReadonlyArray<number>): number => {
  let most = 0
  let from = 0
  for (let to = 0; to < times.length; to++) {
    while ((times[from] ?? 0) <= (times[to] ?? 0) - 60_000) from++
    most = Math.max(most, to - from + 1)
  }
  return most
}

export const percentile = (sorted: ReadonlyArray<number>, p: number): number =>
  sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * p) - 1)] ?? NaN

const exponential = (mean: number) => Effect.map(Random.next, (chance) => -mean * Math.log(1 - chance))

const ascending = (values: ReadonlyArray<number>): ReadonlyArray<number> => [...values].sort((a, b) => a - b)

export const simulate = (options: CallCenter): Effect.Effect<Report, unknown> =>
  Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    const watch = yield* CallWatch.CallWatch
    const began = (yield* DateTime.now).epochMillis
    const seconds = (at: number) => (at - began) / 1000
    const closes = WARM_UP_SECONDS + options.minutes * 60
    const endsAt = new Map<string, number>()
    const answersAt = new Map<string, number>()
    const started = yield* Queue.unbounded<string>()

    const place = Effect.gen(function*() {
      const length = Math.max(1, yield* exponential(options.meanSeconds))
      const ring = Math.min(8, length / 2)
      const sid = yield* fake.place(
        CallScript.answered({ ring: Duration.seconds(ring), talk: Duration.seconds(length - ring) })
      )
      const now = seconds((yield* DateTime.now).epochMillis)
      endsAt.set(sid, now + length)
      answersAt.set(sid, now + ring)
      yield* Queue.offer(started, sid)
    })

    yield* Effect.replicateEffect(place, options.calls, { discard: true })
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(
      Effect.flatMap(exponential(options.meanSeconds / options.calls), (gap) => Effect.sleep(Duration.seconds(gap))),
      place
    )))

    const endedAt = new Map<string, number>()
    let duplicates = 0
    let detailsUnavailable = 0
    let waiting = 0
    let longestBacklog = 0
    const details: Array<number> = []
    const changes: Array<number> = []
    const answered = new Set<string>()
    yield* watch.fleet(Stream.fromQueue(started), options.policy).pipe(
      Stream.runForEach((event) =>
        Effect.sync(() => {
          const at = seconds(event.at.epochMillis)
          switch (event._tag) {
            case "Ended": {
              if (endedAt.has(event.sid)) duplicates++
              endedAt.set(event.sid, at)
              if (!event.isFinal) longestBacklog = Math.max(longestBacklog, ++waiting)
              return
            }
            case "DetailsLoaded": {
              waiting--
              if (at >= WARM_UP_SECONDS) details.push(at - (endedAt.get(event.sid) ?? NaN))
              return
            }
            case "DetailsUnavailable": {
              waiting--
              detailsUnavailable++
              return
            }
            case "Observed":
            case "Changed": {
              const answer = answersAt.get(event.sid) ?? NaN
              if (answered.has(event.sid) || at < answer) return
              answered.add(event.sid)
              if (answer >= WARM_UP_SECONDS) changes.push(at - answer)
              return
            }
          }
        })
      ),
      Effect.timeoutOption(Duration.seconds(closes))
    )

    const grace = (options.graceSeconds ?? 60) + 2 * (options.bulkLagSeconds ?? 0)
    const counted = [...endsAt].filter(([, at]) => at >= WARM_UP_SECONDS && at < closes - grace)
    const journal = yield* fake.journal
    return {
      ended: counted.length,
      missed: counted.filter(([sid]) => !endedAt.has(sid)).length,
      duplicates,
      endings: ascending(counted.flatMap(([sid, at]) => endedAt.has(sid) ? [(endedAt.get(sid) ?? NaN) - at] : [])),
      details: ascending(details),
      detailsUnavailable,
      longestBacklog,
      changes: ascending(changes),
      changesUnseen: counted.filter(([sid]) => !answered.has(sid)).length,
      requests: journal.length,
      refused: journal.filter(({ outcome }) => outcome._tag === "Answered" && outcome.status === 429).length,
      bulkReads: journal.filter(({ operation }) => operation !== "read").length,
      busiestMinute: busiestMinute(journal.map(({ at }) => at.epochMillis))
    }
  }).pipe(
    Effect.scoped,
    Effect.provide(
      CallWatch.layerWith({ bulkSize: options.bulkSize, concurrency: options.concurrency }).pipe(
        Layer.provideMerge(FakeExotel.layer({
          // Exotel does not document details in bulk reads: the worse case.
          bulkDetails: false,
          requestsPerMinute: options.requestsPerMinute,
          client: { requestsPerMinute: options.requestsPerMinute },
          bulkLag: Duration.seconds(options.bulkLagSeconds ?? 0),
          verifyOnClose: false,
          seed: options.seed ?? 1
        }))
      )
    ),
    Simulation.run({ seed: options.seed ?? 1 })
  )
