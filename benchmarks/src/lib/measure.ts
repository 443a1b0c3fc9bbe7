/** Compares the speed of operations on a machine that is shared with other programs. */
import { Config, Effect } from "effect"

/** With `BENCH_SMOKE=1` a benchmark only shows that it runs; its figures are then not reliable. */
export const smoke: Effect.Effect<boolean> = Config.boolean("BENCH_SMOKE").pipe(Config.withDefault(false), Effect.orDie)

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle] ?? NaN : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

/** Microseconds per operation of one candidate, per round. */
export type Times = ReadonlyArray<number>

/**
 * Runs the candidates alternately, round after round, so that load on the machine affects all of them, and returns their
 * times. Each candidate returns the microseconds of one operation. The first round is the warm-up.
 */
export const interleave = <K extends string, E, R>(
  candidates: { readonly [Name in K]: Effect.Effect<number, E, R> },
  rounds: number
): Effect.Effect<{ readonly [Name in K]: Times }, E, R> =>
  Effect.gen(function*() {
    const names = Object.keys(candidates) as Array<K>
    const times = Object.fromEntries(names.map((name) => [name, [] as Array<number>])) as Record<K, Array<number>>
    for (let round = 0; round <= rounds; round++) {
      // The first candidate after a pause is slower, so each round starts with another one.
      for (const name of [...names.slice(round % names.length), ...names.slice(0, round % names.length)]) {
        const took = yield* candidates[name]
        if (round > 0) times[name].push(took)
      }
    }
    return times
  })

/** Calls `operation` for about `millis` milliseconds and returns the microseconds per call. */
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

/** The median of the ratios per round: measurements of one round ran under similar load. */
export const ratio = (times: Times, base: Times): number =>
  median(times.map((time, round) => time / (base[round] ?? NaN)))

export const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: ReadonlyArray<string>) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n")
}
