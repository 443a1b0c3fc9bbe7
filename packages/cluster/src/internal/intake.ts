/** Looks for new calls of all partitions of a runner at once: when some were added, and at an interval. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { RunnerState } from "./runnerState.ts"

const LIMIT = 20_000

/** A call that was just taken is found again until its first event is committed. */
const PAUSE = Duration.millis(100)

interface Options extends RunnerState {
  /** Opened when calls were added. */
  readonly added: Effect.Latch
  readonly interval: Duration.Duration
}

export const run = ({ added, fleet, interval, owned, tables }: Options): Effect.Effect<never> => {
  const readNew = Effect.gen(function*() {
    yield* Effect.timeoutOption(added.await, interval)
    yield* added.close
    const { parts } = owned
    if (parts.length > 0) owned.take(yield* tables.newCalls(parts, LIMIT))
    yield* Effect.sleep(PAUSE)
  })
  return readNew.pipe(
    Effect.catchAllCause((cause) =>
      Effect.zipRight(
        Effect.logWarning(`New calls of fleet ${fleet} cannot be read; trying again`, cause),
        Effect.sleep("1 second")
      )
    ),
    Effect.forever
  )
}
