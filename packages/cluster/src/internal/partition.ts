/** One partition of a fleet on its owner: its calls, and the streams that watch them, one for each policy. */
import * as MonotonicClock from "@effect-exotel/core/MonotonicClock"
import type { Service as CallWatch } from "@effect-exotel/watch/CallWatch"
import type { FleetEvent } from "@effect-exotel/watch/FleetEvent"
import * as WatchToken from "@effect-exotel/watch/WatchToken"
import type * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Mailbox from "effect/Mailbox"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Fleet } from "../Fleet.ts"
import * as FleetMetrics from "../FleetMetrics.ts"
import { databaseRetries } from "./databaseRetries.ts"
import type { EventBuffer, Item } from "./eventBuffer.ts"
import { eventRow, isStored } from "./eventRow.ts"
import type { OwnedPartition, OwnedPartitions } from "./ownedPartition.ts"
import type { CallRow, Tables } from "./tables.ts"

/** How long a runner that lost a partition waits for the cluster to stop it, before it takes the partition again. */
const AFTER_LOSS = Duration.seconds(10)

const RELEASE_TIMEOUT = Duration.seconds(2)

export interface Options {
  readonly fleet: Fleet
  readonly part: number
  readonly runner: string
  readonly tables: Tables
  readonly watch: CallWatch
  readonly owned: OwnedPartitions
  readonly buffer: EventBuffer
  readonly storeCalls: boolean
  /** Whether the cluster still assigns the partition to this runner. */
  readonly isAssigned: () => boolean
}

const decodeToken = Schema.decodeEither(WatchToken.FromJson)

type Entry = string | WatchToken.WatchToken

export const run = (options: Options): Effect.Effect<void> => {
  const { buffer, fleet, owned, part, tables, watch } = options
  const name = `partition ${part} of fleet ${fleet.name}`
  const warned = new Set<string>()

  const policyOf = (row: CallRow): string => {
    if (Object.hasOwn(fleet.policies, row.policy)) return row.policy
    warned.add(row.policy)
    return "default"
  }

  const begin = Effect.gen(function*() {
    const { epoch, leaseWait, seq } = yield* tables.own(part, options.runner)
    if (epoch > 1) yield* Metric.increment(FleetMetrics.takeovers)
    const rows = yield* tables.openCalls(part)
    const message = `Took over ${name}: epoch ${epoch}, ${rows.length} open calls`
    yield* epoch > 1 ? Effect.logInfo(message) : Effect.logDebug(message)
    const sources = new Map<string, Mailbox.Mailbox<Entry>>()
    for (const policy of Object.keys(fleet.policies)) sources.set(policy, yield* Mailbox.make<Entry>())
    const lost = yield* Effect.makeLatch()
    const known = new Set<string>()
    /** The calls whose `Added` is in the log already. */
    const resumed = new Set<string>()
    const take = (rows: ReadonlyArray<CallRow>): void => {
      for (const row of rows) {
        if (known.has(row.sid)) continue
        known.add(row.sid)
        const token = row.token === null ? undefined : decodeToken(row.token)
        if (token !== undefined) resumed.add(row.sid)
        // A token that cannot be read: the call is watched from the beginning.
        sources.get(policyOf(row))?.unsafeOffer(token !== undefined && Either.isRight(token) ? token.right : row.sid)
      }
    }
    const partition: OwnedPartition = {
      part,
      epoch,
      seq,
      usableAt: (yield* MonotonicClock.currentTimeMillis) + leaseWait,
      leasedUntil: Number.NEGATIVE_INFINITY,
      known,
      take,
      lose: lost.open
    }
    yield* Effect.acquireRelease(
      Effect.suspend(() => {
        owned.add(partition)
        take(rows)
        return buffer.wake
      }),
      () => {
        owned.remove(partition)
        return Effect.zipRight(
          owned.updateShare,
          tables.release(part, epoch).pipe(
            Effect.disconnect,
            Effect.timeout(RELEASE_TIMEOUT),
            Effect.catchAllCause(() => Effect.void)
          )
        )
      }
    )
    const store = (events: Chunk.Chunk<FleetEvent>): Effect.Effect<void> => {
      const items: Array<Item> = []
      for (const event of events) {
        if (!isStored(event) || (event._tag === "Added" && resumed.delete(event.sid))) continue
        items.push({ partition, row: eventRow(event, options.storeCalls) })
      }
      return buffer.offer(items)
    }
    const warnings = Effect.suspend(() => {
      const unknown = [...warned]
      warned.clear()
      return Effect.forEach(unknown, (policy) =>
        Effect.logWarning(
          `The policy book of fleet ${fleet.name} has no policy ${
            JSON.stringify(policy)
          }; its calls are watched with default. `
            + "Add the policy to the book."
        ), { discard: true })
    })
    const events = Stream.mergeAll(
      Array.from(sources, ([policy, source]) => watch.fleet(Mailbox.toStream(source), fleet.policies[policy])),
      { concurrency: "unbounded" }
    )
    yield* Effect.raceFirst(
      lost.await,
      Stream.runForEachChunk(events, (chunk) => Effect.zipRight(warnings, store(chunk)))
    )
  }).pipe(Effect.scoped, Effect.annotateLogs({ fleet: fleet.name, partition: part }))

  /** Another runner owns it. If the cluster has not stopped this one by then, the other one was mistaken. */
  const afterLoss = Effect.logInfo(`Another runner owns ${name}`).pipe(
    Effect.zipRight(Effect.sleep(AFTER_LOSS)),
    Effect.repeat({ until: options.isAssigned })
  )

  return Effect.zipRight(begin, afterLoss).pipe(
    Effect.sandbox,
    Effect.tapError((cause) => Effect.logWarning(`Failed to run ${name}; it is tried again`, cause)),
    // A singleton that ends is not begun again.
    Effect.retry(databaseRetries),
    Effect.orDie,
    Effect.forever,
    Effect.tagMetrics("fleet", fleet.name)
  )
}
