/** Writes the result of a run as a table with footnotes, as JSON, and into the documentation. */
import { FileSystem } from "@effect/platform"
import { Array as Arr, Effect, Schema } from "effect"
import { table } from "../measure.ts"
import type { Contender } from "./Contender.ts"
import type { Guarantee } from "./scenarios.ts"
import type { Verdict } from "./Verdict.ts"

export interface Cell {
  readonly guarantee: Guarantee
  readonly contender: Contender
  readonly verdict: Verdict
}

const PackageJson = Schema.parseJson(Schema.Struct({ version: Schema.String }))

/** The name with the version installed for this run. */
export const nameOf = (contender: Contender) =>
  Effect.gen(function*() {
    if (contender.package === undefined) return `${contender.name} written by hand`
    const fs = yield* FileSystem.FileSystem
    const path = new URL(`../../../node_modules/${contender.package}/package.json`, import.meta.url).pathname
    const { version } = yield* Effect.flatMap(fs.readFileString(path), Schema.decode(PackageJson))
    return `${contender.package} ${version}`
  })

/** The table, and below it a note for each guarantee that was broken. */
export const markdown = (cells: ReadonlyArray<Cell>): string => {
  const contenders = Arr.dedupe(cells.map(({ contender }) => contender))
  const notes: Array<string> = []
  const cellText = ({ contender, verdict }: Cell): string => {
    switch (verdict._tag) {
      case "Holds":
        return "holds"
      case "NotSupported":
        return "–"
      case "Breaks":
        return `breaks (${notes.push(`${contender.name}: ${verdict.seen}`)})`
    }
  }
  const rows = Arr.dedupe(cells.map(({ guarantee }) => guarantee)).map((guarantee) => [
    guarantee.name,
    ...cells.filter((cell) => cell.guarantee === guarantee).map(cellText)
  ])
  const counts = contenders.map((contender) => {
    const of = (tag: Verdict["_tag"]) =>
      cells.filter((cell) => cell.contender === contender && cell.verdict._tag === tag).length
    return `${of("Holds")} of ${rows.length}`
  })
  const shown = table(["", ...contenders.map(({ name }) => name)], [...rows, ["Guarantees held", ...counts]])
  return `${shown}\n${notes.map((note, i) => `\n${i + 1}. ${note}.`).join("")}`
}

export const json = (cells: ReadonlyArray<Cell>, names: ReadonlyArray<string>, date: string): string =>
  JSON.stringify(
    {
      date,
      node: process.version,
      contenders: names,
      verdicts: cells.map(({ contender, guarantee, verdict: { _tag, ...rest } }) => ({
        guarantee: guarantee.name,
        contender: contender.name,
        verdict: _tag,
        ...rest
      }))
    },
    undefined,
    2
  )

const document = new URL("../../../../docs/guarantees.md", import.meta.url).pathname
const [begin, end] = ["<!-- run: begin -->", "<!-- run: end -->"]

/** Replaces the text between the marks in `docs/guarantees.md`. */
export const writeDocument = (text: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const [before = "", rest = ""] = (yield* fs.readFileString(document)).split(begin)
    const after = rest.slice(rest.indexOf(end))
    if (!after.startsWith(end)) return yield* Effect.dieMessage(`docs/guarantees.md has no ${begin} … ${end}`)
    yield* fs.writeFileString(document, `${before}${begin}\n\n${text}\n\n${after}`)
  })
