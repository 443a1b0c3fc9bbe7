/**
 * Who holds which law: the watch, three pollers of others and the loop that one writes by hand, each in the same
 * scenarios against the pretended Exotel over loopback HTTP. Fails when the watch breaks a law.
 *
 * `BENCH_JSON=<file>` writes the result as JSON, `BENCH_WRITE=1` puts the table into `docs/laws.md`.
 */
import { FileSystem } from "@effect/platform"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Config, Console, Data, DateTime, Effect, Option } from "effect"
import { coreLro } from "./lib/laws/contenders/coreLro.ts"
import { handWritten } from "./lib/laws/contenders/handWritten.ts"
import { pWaitFor } from "./lib/laws/contenders/pWaitFor.ts"
import { utilWaiter } from "./lib/laws/contenders/utilWaiter.ts"
import { watch } from "./lib/laws/contenders/watch.ts"
import { judged, laws } from "./lib/laws/laws.ts"
import type { Cell } from "./lib/laws/report.ts"
import { json, markdown, nameOf, writeDocument } from "./lib/laws/report.ts"
import { onStage } from "./lib/laws/Stage.ts"
import { smoke } from "./lib/measure.ts"

class WatchBreaksLaws extends Data.TaggedError("WatchBreaksLaws")<{ readonly laws: ReadonlyArray<string> }> {}

const contenders = [watch, coreLro, utilWaiter, pWaitFor, handWritten]

const pairs = laws.flatMap((law) => contenders.map((contender) => ({ law, contender })))

const judge = ({ contender, law }: Pick<Cell, "contender" | "law">) =>
  Effect.map(onStage((stage) => judged(law, contender, stage)), (verdict): Cell => ({ law, contender, verdict }))

const program = Effect.gen(function*() {
  const quick = yield* smoke
  const first = yield* Effect.forEach(pairs, judge, { concurrency: quick ? 16 : 8 })
  // The machine is busy with other things too: a break counts when it is seen again, among fewer runs.
  const mayBeChance = ({ contender, verdict }: Cell) => verdict._tag === "Breaks" && (!quick || contender === watch)
  const cells = yield* Effect.forEach(first, (cell) => mayBeChance(cell) ? judge(cell) : Effect.succeed(cell), {
    concurrency: 4
  })
  const names = yield* Effect.forEach(contenders, nameOf)
  const date = DateTime.formatIsoDateUtc(yield* DateTime.now)
  const shown = `${date}, Node ${process.versions.node}: ${names.join(", ")}.\n\n${markdown(cells)}`
  yield* Console.log(`${shown}\n\nA dash: its API has no means to do it.`)

  const fs = yield* FileSystem.FileSystem
  const jsonFile = yield* Config.option(Config.string("BENCH_JSON"))
  if (Option.isSome(jsonFile)) yield* fs.writeFileString(jsonFile.value, `${json(cells, names, date)}\n`)
  if (yield* Config.withDefault(Config.boolean("BENCH_WRITE"), false)) yield* writeDocument(shown)

  const broken = cells.filter(({ contender, verdict }) => contender === watch && verdict._tag !== "Holds")
  if (broken.length > 0) return yield* new WatchBreaksLaws({ laws: broken.map(({ law }) => law.name) })
})

NodeRuntime.runMain(Effect.provide(program, NodeContext.layer))
