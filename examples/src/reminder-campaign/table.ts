/** The results of a campaign as a table: how many reminders had each outcome, by number of attempts. */
import { Array } from "effect"
import { Outcome, type Result } from "./campaign.ts"

const label = Outcome.$match({
  Reminded: () => "reminded",
  NotReached: ({ status }) => `not reached: ${status}`,
  NotPlaced: ({ error }) => `not placed: ${error}`,
  Unknown: ({ error }) => `unknown: ${error}`
})

const row = (name: string, cells: ReadonlyArray<string | number>) =>
  `  ${name.padEnd(34)}${cells.map((cell) => String(cell).padStart(10)).join("")}`

export const table = (results: ReadonlyArray<Result>, attempts: number): string => {
  const columns = Array.range(1, attempts)
  const counts = (of: ReadonlyArray<Result>) => [
    of.length,
    ...columns.map((n) => of.filter((result) => result.attempts === n).length)
  ]
  const groups = Object.entries(Array.groupBy(results, ({ outcome }) => label(outcome)))
  return [
    row("outcome", ["reminders", ...columns.map((n) => n === 1 ? "1 attempt" : `${n}`)]),
    ...groups.sort(([, a], [, b]) => b.length - a.length).map(([name, of]) => row(name, counts(of))),
    row("all", counts(results)),
    ...results.filter(({ outcome }) => outcome._tag === "Unknown").map(({ id }) =>
      `  ${id}: decide whether to call again; the call may have been placed`
    )
  ].join("\n")
}
