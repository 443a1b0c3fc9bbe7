/** Reading the log without a consumer. */
import { FleetLog, FleetSignals } from "@effect-exotel/cluster"
import type { SqlClient } from "@effect/sql"
import { describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Chunk, Effect, Fiber, Layer, Stream, TestServices } from "effect"
import { Embedded, fleet, Postgres } from "./support/databases.ts"
import { hasPostgres } from "./support/postgres.ts"
import { event, part, setUp, sid } from "./support/rows.ts"

const suite = (database: Layer.Layer<SqlClient.SqlClient>) => {
  it.layer(Layer.merge(database, FleetSignals.layerMemory), { timeout: 60_000 })((it) => {
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
}

describe("the log over an embedded database", () => suite(Embedded))
describe.skipIf(!hasPostgres)("the log over Postgres", () => {
  if (hasPostgres) suite(Postgres)
})
