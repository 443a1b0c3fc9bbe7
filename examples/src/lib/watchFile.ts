/** Watches the calls of a file of sids, each to its end once, over any number of runs. */
import type { FleetEvent } from "@effect-exotel/watch"
import { CallWatch, FleetCheckpoint } from "@effect-exotel/watch"
import { FileSystem } from "@effect/platform"
import { Console, Effect, Stream } from "effect"

const linesOf = (text: string): ReadonlyArray<string> => text.split("\n").map((line) => line.trim()).filter(Boolean)

/** `sid,status` of an ended call, `sid,error` of one whose watch has failed. */
const resultOf = (event: FleetEvent.FleetEvent): string | undefined =>
  event._tag === "Ended"
    ? `${event.sid},${event.call.status}`
    : event._tag === "Failed"
    ? `${event.sid},${event.error._tag}`
    : undefined

export const watchFile = (sidsPath: string, resultsPath: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const watch = yield* CallWatch.CallWatch
    const sids = linesOf(yield* fs.readFileString(sidsPath))
    const results = (yield* fs.exists(resultsPath)) ? yield* fs.readFileString(resultsPath) : ""
    // A kill in the middle of a write leaves a line without an end: the call is watched again.
    const whole = results.slice(0, results.lastIndexOf("\n") + 1)
    if (whole.length < results.length) yield* fs.writeFileString(resultsPath, whole)
    const done = new Set(linesOf(whole).map((line) => line.split(",")[0]))

    // A kill between a result and the state leaves the call in the state.
    const checkpoint = yield* FleetCheckpoint.make(`${resultsPath}.state`, { isDone: (sid) => done.has(sid) })
    const resumed = new Set<string>(checkpoint.tokens.map(({ sid }) => sid))
    const added = sids.filter((sid) => !done.has(sid) && !resumed.has(sid))
    yield* Console.log(`${done.size} calls done, ${resumed.size} resumed, ${added.length} new`)
    yield* checkpoint.runForEach(watch.fleet(Stream.fromIterable([...checkpoint.tokens, ...added])), (event) => {
      const result = resultOf(event)
      return result === undefined ? Effect.void : fs.writeFileString(resultsPath, `${result}\n`, { flag: "a" })
    })
  })
