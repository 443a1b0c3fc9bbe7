/** Calls that begin and end on the fake Exotel, with a steady number of concurrent calls. */
import { CallScript, FakeExotel } from "@effect-exotel/testing"
import { Clock, Duration, Effect, Queue, Random, Stream } from "effect"

export interface CallCenter {
  /** The sid of each call, when it begins. */
  readonly sids: Stream.Stream<string>
  /** The true end of each call, in milliseconds since 1970. */
  readonly endsAt: ReadonlyMap<string, number>
  readonly requests: Effect.Effect<ReadonlyArray<{ readonly at: number; readonly isBulkRead: boolean }>>
}

const exponential = (mean: number) => Effect.map(Random.next, (chance) => Math.max(1, -mean * Math.log(1 - chance)))

const script = (seconds: number, chance: number): CallScript.CallScript => {
  if (chance < 0.1) return CallScript.busy()
  if (chance < 0.25) return CallScript.noAnswer()
  if (chance < 0.28) return CallScript.failed()
  return CallScript.answered({ ring: "8 seconds", talk: Duration.seconds(seconds), settles: "20 seconds" })
}

export const open = (options: { readonly calls: number; readonly meanSeconds: number }) =>
  Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    const queue = yield* Queue.unbounded<string>()
    const endsAt = new Map<string, number>()

    const begin = Effect.gen(function*() {
      const call = script(yield* exponential(options.meanSeconds), yield* Random.next)
      const sid = yield* fake.place(call)
      endsAt.set(sid, (yield* Clock.currentTimeMillis) + Duration.toMillis(CallScript.duration(call)))
      yield* Queue.offer(queue, sid)
    })

    yield* Effect.replicateEffect(begin, options.calls, { discard: true })
    // Each call that ends is replaced.
    yield* Effect.forkScoped(Effect.forever(Effect.gen(function*() {
      yield* Effect.sleep("1 second")
      const now = yield* Clock.currentTimeMillis
      for (const [sid, at] of endsAt) if (at < now - 600_000) endsAt.delete(sid)
      const active = [...endsAt.values()].filter((at) => at > now).length
      yield* Effect.replicateEffect(begin, Math.max(0, options.calls - active), { discard: true })
    })))

    const callCenter: CallCenter = {
      sids: Stream.fromQueue(queue),
      endsAt,
      requests: Effect.map(fake.journal, (journal) =>
        journal.map(({ at, operation }) => ({ at: at.epochMillis, isBulkRead: operation === "list" })))
    }
    return callCenter
  })
