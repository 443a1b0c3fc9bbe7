/** The worker over a file: each call has one line of results, however often the worker is stopped and started. */
import { CallScript, FakeExotel, Simulation } from "@effect-exotel/testing"
import { CallWatch } from "@effect-exotel/watch"
import { Error as PlatformError, FileSystem } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Layer } from "effect"
import { watchFile } from "../src/lib/watchFile.ts"

/** Files in memory: a simulation does not wait for a disk. */
const inMemory = (files: Map<string, string>) => {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
  const missing = new PlatformError.SystemError({ reason: "NotFound", module: "FileSystem", method: "readFileString" })
  return FileSystem.layerNoop({
    exists: (path) => Effect.succeed(files.has(path)),
    readFileString: (path) => Effect.fromNullable(files.get(path)).pipe(Effect.mapError(() => missing)),
    writeFileString: (path, data, options) =>
      Effect.sync(() => void files.set(path, (options?.flag === "a" ? files.get(path) ?? "" : "") + data)),
    open: (path) =>
      Effect.succeed({
        writeAll: (bytes: Uint8Array) => Effect.sync(() => void files.set(path, text(bytes))),
        sync: Effect.void
      } as unknown as FileSystem.File),
    rename: (from, to) =>
      Effect.sync(() => {
        files.set(to, files.get(from) ?? "")
        files.delete(from)
      })
  })
}

describe("the worker over a file of sids", () => {
  it.effect("has one result of each call after it was stopped, cut off in a write, and given more calls", () => {
    const files = new Map<string, string>()
    return Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const place = (seconds: number) => fake.place(CallScript.answered({ talk: `${seconds} seconds` }))
      const sids = yield* Effect.forEach([10, 20, 300, 310], place)
      files.set("sids.txt", [...sids, sids[0], "unknown"].join("\n"))
      const run = watchFile("sids.txt", "results.csv")
      yield* Effect.timeoutOption(run, "2 minutes")
      assert.strictEqual(files.get("results.csv")?.trim().split("\n").length, 3)

      const resumable = files.get("results.csv.state") ?? ""
      assert.include(resumable, String(sids[2]))
      const later = yield* place(30)
      files.set("sids.txt", `${files.get("sids.txt")}\n${later}\n`)
      files.set("results.csv", `${files.get("results.csv")}${sids[2]},comp`)
      yield* run
      const results = (files.get("results.csv") ?? "").trim().split("\n").sort()
      deepStrictEqual(
        results,
        [...[...sids, later].map((sid) => `${sid},completed`), "unknown,CallNotFound"].sort()
      )
      deepStrictEqual(files.get("results.csv.state"), "[]")
      // As after a kill between a result and the state of the call; there is nothing left to do for this run.
      files.set("results.csv.state", resumable)
      yield* run
      deepStrictEqual((files.get("results.csv") ?? "").trim().split("\n").sort(), results)
      deepStrictEqual(files.get("results.csv.state"), "[]")
    }).pipe(
      Effect.provide(CallWatch.layer.pipe(Layer.provideMerge(FakeExotel.layer()), Layer.merge(inMemory(files)))),
      Simulation.run()
    )
  })
})
