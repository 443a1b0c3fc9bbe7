/** Measures the bytes that an operation allocates, collected ones included, with V8's sampling heap profiler. */
import { Effect } from "effect"
import { type HeapProfiler, Session } from "node:inspector/promises"

const sum = ({ children, selfSize }: HeapProfiler.SamplingHeapProfileNode): number =>
  children.reduce((total, child) => total + sum(child), selfSize)

export const allocatedBytes = (operation: Effect.Effect<unknown>): Effect.Effect<number> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const session = new Session()
      session.connect()
      return session
    }),
    (session) =>
      Effect.gen(function*() {
        yield* Effect.promise(() =>
          session.post("HeapProfiler.startSampling", {
            samplingInterval: 2048,
            includeObjectsCollectedByMajorGC: true,
            includeObjectsCollectedByMinorGC: true
          })
        )
        yield* operation
        const { profile } = yield* Effect.promise(() => session.post("HeapProfiler.stopSampling"))
        return sum(profile.head)
      }),
    (session) => Effect.sync(() => session.disconnect())
  )
