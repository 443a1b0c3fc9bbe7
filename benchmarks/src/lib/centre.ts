/** A call centre on the virtual clock: so many calls in the air, new ones as old ones end, all watched by one fleet. */
import { CallScript, FakeExotel, Simulation } from "@effect-exotel/testing"
import { CallWatch, type WatchPolicy } from "@effect-exotel/watch"
import { DateTime, Duration, Effect, Layer, Queue, Random, Stream } from "effect"

export interface Centre {
  /** How many calls are in the air, on average. */
  readonly calls: number
  /** The mean length of a call, which is exponentially distributed. */
  readonly meanSeconds: number
  readonly requestsPerMinute: number
  readonly sweepSize?: number
  readonly concurrency?: number
  readonly policy: WatchPolicy.Options
  /** How long after its end a call appears in the bulk read. */
  readonly bulkLagSeconds?: number
  /** How long it goes on after the minute of warming up, which is not counted. */
  readonly minutes: number
  readonly seed?: number
}

export interface Report {
  /** Calls that ended in the time that counts, early enough to be told. */
  readonly ended: number
  /** Of them, those of which no ending was told, and endings told more than once. */
  readonly untold: number
  readonly toldTwice: number
  /** Seconds from the end to its telling, and from there to the details; sorted. */
  readonly endings: ReadonlyArray<number>
  readonly details: ReadonlyArray<number>
  readonly detailsSkipped: number
  readonly longestBacklog: number
  /** Seconds from a change of status during the call to its telling; sorted. */
  readonly changes: ReadonlyArray<number>
  readonly changesUnseen: number
  readonly requests: number
  readonly refused: number
  readonly sweeps: number
  /** The most requests in any sixty seconds. */
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

export const simulate = (centre: Centre): Effect.Effect<Report, unknown> =>
  Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    const watch = yield* CallWatch.CallWatch
    const began = (yield* DateTime.now).epochMillis
    const seconds = (at: number) => (at - began) / 1000
    const closes = WARM_UP_SECONDS + centre.minutes * 60
    const endsAt = new Map<string, number>()
    const answersAt = new Map<string, number>()
    const taken = yield* Queue.unbounded<string>()

    const place = Effect.gen(function*() {
      const length = Math.max(1, yield* exponential(centre.meanSeconds))
      const ring = Math.min(8, length / 2)
      const sid = yield* fake.place(
        CallScript.answered({ ring: Duration.seconds(ring), talk: Duration.seconds(length - ring) })
      )
      const now = seconds((yield* DateTime.now).epochMillis)
      endsAt.set(sid, now + length)
      answersAt.set(sid, now + ring)
      yield* Queue.offer(taken, sid)
    })

    yield* Effect.replicateEffect(place, centre.calls, { discard: true })
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(
      Effect.flatMap(exponential(centre.meanSeconds / centre.calls), (gap) => Effect.sleep(Duration.seconds(gap))),
      place
    )))

    const told = new Map<string, number>()
    let toldTwice = 0
    let detailsSkipped = 0
    let waiting = 0
    let longestBacklog = 0
    const details: Array<number> = []
    const changes: Array<number> = []
    const answered = new Set<string>()
    yield* watch.fleet(Stream.fromQueue(taken), centre.policy).pipe(
      Stream.runForEach((event) =>
        Effect.sync(() => {
          const at = seconds(event.at.epochMillis)
          switch (event._tag) {
            case "Ended": {
              if (told.has(event.sid)) toldTwice++
              told.set(event.sid, at)
              if (!event.isFinal) longestBacklog = Math.max(longestBacklog, ++waiting)
              return
            }
            case "DetailsLoaded": {
              waiting--
              if (at >= WARM_UP_SECONDS) details.push(at - (told.get(event.sid) ?? NaN))
              return
            }
            case "DetailsUnavailable": {
              waiting--
              detailsSkipped++
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

    // What has just ended when the doors close may rightly not have been told yet.
    const grace = 60 + 2 * (centre.bulkLagSeconds ?? 0)
    const counted = [...endsAt].filter(([, at]) => at >= WARM_UP_SECONDS && at < closes - grace)
    const journal = yield* fake.journal
    return {
      ended: counted.length,
      untold: counted.filter(([sid]) => !told.has(sid)).length,
      toldTwice,
      endings: ascending(counted.flatMap(([sid, at]) => told.has(sid) ? [(told.get(sid) ?? NaN) - at] : [])),
      details: ascending(details),
      detailsSkipped,
      longestBacklog,
      changes: ascending(changes),
      changesUnseen: counted.filter(([sid]) => !answered.has(sid)).length,
      requests: journal.length,
      refused: journal.filter(({ outcome }) => outcome._tag === "Answered" && outcome.status === 429).length,
      sweeps: journal.filter(({ operation }) => operation !== "read").length,
      busiestMinute: busiestMinute(journal.map(({ at }) => at.epochMillis))
    }
  }).pipe(
    Effect.scoped,
    Effect.provide(
      CallWatch.layerWith({ bulkSize: centre.sweepSize, concurrency: centre.concurrency }).pipe(
        Layer.provideMerge(FakeExotel.layer({
          requestsPerMinute: centre.requestsPerMinute,
          client: { requestsPerMinute: centre.requestsPerMinute },
          bulkLag: Duration.seconds(centre.bulkLagSeconds ?? 0),
          verifyOnClose: false,
          seed: centre.seed ?? 1
        }))
      )
    ),
    Simulation.run({ seed: centre.seed ?? 1 })
  )
