/** Reading the log without a consumer. */
import { FleetLog } from "@effect-exotel/cluster"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Chunk, Effect, Fiber, Stream, TestServices } from "effect"
import { fleet, overEachDatabase } from "./support/databases.ts"
import { event, part, setUp, sid } from "./support/rows.ts"

overEachDatabase("the log", (it) => {
  it.effect("reads the entries after a position, and then new ones as they come", () =>
    Effect.gen(function*() {
      const tables = yield* setUp
      const owner = yield* tables.own(part, "owner")
      yield* tables.write([{ ...owner, part, events: [event(sid, "Added"), event(sid)] }], 8000)
      const log = yield* FleetLog.make(fleet, { interval: "10 millis" })
      const read = (count: number, from?: FleetLog.Positions) =>
        log.read(from).pipe(
          Stream.take(count),
          Stream.map((entry) => `${entry.partition}/${entry.position} ${entry.event}`),
          Stream.runCollect,
          Effect.map(Chunk.toReadonlyArray)
        )
      deepStrictEqual(yield* read(2), [`${part}/1 Added`, `${part}/2 Observed`])
      const waiting = yield* Effect.fork(read(2, { [part]: 1 }))
      yield* tables.write([{ ...owner, seq: 2, part, events: [event(sid, "Ended")] }], 8000)
      deepStrictEqual(yield* Fiber.join(waiting), [`${part}/2 Observed`, `${part}/3 Ended`])
    }).pipe(TestServices.provideLive))
})
