/** Times things against each other on a machine that is busy with other things too. */
import { Config, Effect } from "effect"

/** With `BENCH_SMOKE=1` a benchmark only shows that it runs; its figures then mean little. */
export const smoke: Effect.Effect<boolean> = Config.boolean("BENCH_SMOKE").pipe(Config.withDefault(false), Effect.orDie)

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle] ?? NaN : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

/** What one candidate took in each round, in microseconds an operation. */
export type Times = ReadonlyArray<number>

/**
 * Runs the candidates in turn, round after round, so that what slows the machine for a while slows each of them, and
 * returns what each took. `measure` runs one candidate once and says what an operation took. The first round warms up.
 */
export const interleave = <K extends string, E, R>(
  candidates: { readonly [Name in K]: Effect.Effect<number, E, R> },
  rounds: number
): Effect.Effect<{ readonly [Name in K]: Times }, E, R> =>
  Effect.gen(function*() {
    const names = Object.keys(candidates) as Array<K>
    const times = Object.fromEntries(names.map((name) => [name, [] as Array<number>])) as Record<K, Array<number>>
    for (let round = 0; round <= rounds; round++) {
      // Whoever goes first after a pause is at a disadvantage: each in turn.
      for (const name of [...names.slice(round % names.length), ...names.slice(0, round % names.length)]) {
        const took = yield* candidates[name]
        if (round > 0) times[name].push(took)
      }
    }
    return times
  })

/** Calls `operation` for about `millis`, and says how many microseconds one call took. */
export const timed = (operation: () => unknown, millis: number): Effect.Effect<number> =>
  Effect.sync(() => {
    const start = performance.now()
    let elapsed = 0
    let calls = 0
    while (elapsed < millis) {
      for (let i = 0; i < 50; i++) operation()
      calls += 50
      elapsed = performance.now() - start
    }
    return (elapsed * 1000) / calls
  })

/** The median of the ratios round by round: two neighbours in time have had the same machine. */
export const ratio = (times: Times, base: Times): number =>
  median(times.map((time, round) => time / (base[round] ?? NaN)))

export const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: ReadonlyArray<string>) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n")
}
