/**
 * Compares which guarantees hold: for the watch, for three other pollers and for a loop written by hand. All run the same
 * scenarios against the fake Exotel over loopback HTTP. Fails when the watch breaks a guarantee.
 *
 * `BENCH_JSON=<file>` writes the result as JSON, `BENCH_WRITE=1` writes the table to `docs/guarantees.md`.
 */
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Config, Console, Data, DateTime, Effect } from "effect"
import { coreLro } from "./lib/guarantees/contenders/coreLro.ts"
import { handWritten } from "./lib/guarantees/contenders/handWritten.ts"
import { pWaitFor } from "./lib/guarantees/contenders/pWaitFor.ts"
import { utilWaiter } from "./lib/guarantees/contenders/utilWaiter.ts"
import { watch } from "./lib/guarantees/contenders/watch.ts"
import type { Cell } from "./lib/guarantees/report.ts"
import { json, markdown, nameOf, writeDocument } from "./lib/guarantees/report.ts"
import { evaluate, guarantees } from "./lib/guarantees/scenarios.ts"
import { onStage } from "./lib/guarantees/Stage.ts"
import { writeJson } from "./lib/json.ts"
import { smoke } from "./lib/measure.ts"

class WatchBreaksGuarantees
  extends Data.TaggedError("WatchBreaksGuarantees")<{ readonly guarantees: ReadonlyArray<string> }>
{}

const contenders = [watch, coreLro, utilWaiter, pWaitFor, handWritten]

const pairs = guarantees.flatMap((guarantee) => contenders.map((contender) => ({ guarantee, contender })))

const judge = ({ contender, guarantee }: Pick<Cell, "contender" | "guarantee">) =>
  Effect.map(
    onStage((stage) => evaluate(guarantee, contender, stage)),
    (verdict): Cell => ({ guarantee, contender, verdict })
  )

const program = Effect.gen(function*() {
  const quick = yield* smoke
  const first = yield* Effect.forEach(pairs, judge, { concurrency: quick ? 16 : 8 })
  // Other programs share the machine, so a break counts only if a second run, among fewer concurrent ones, shows it too.
  const mayBeChance = ({ contender, verdict }: Cell) => verdict._tag === "Breaks" && (!quick || contender === watch)
  const cells = yield* Effect.forEach(first, (cell) => mayBeChance(cell) ? judge(cell) : Effect.succeed(cell), {
    concurrency: 4
  })
  const names = yield* Effect.forEach(contenders, nameOf)
  const date = DateTime.formatIsoDateUtc(yield* DateTime.now)
  const shown = `${date}, Node ${process.versions.node}: ${names.join(", ")}.\n\n${markdown(cells)}`
  yield* Console.log(`${shown}\n\nA dash: its API does not support it.`)

  yield* writeJson(json(cells, names, date))
  if (yield* Config.withDefault(Config.boolean("BENCH_WRITE"), false)) yield* writeDocument(shown)

  const broken = cells.filter(({ contender, verdict }) => contender === watch && verdict._tag !== "Holds")
  if (broken.length > 0) {
    return yield* new WatchBreaksGuarantees({ guarantees: broken.map(({ guarantee }) => guarantee.name) })
  }
})

NodeRuntime.runMain(Effect.provide(program, NodeContext.layer))
