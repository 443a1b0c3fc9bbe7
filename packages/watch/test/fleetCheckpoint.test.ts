/** The checkpoint of a fleet: no ending is lost by a kill at any point, and at most one batch is delivered twice. */
import { FleetCheckpoint } from "@effect-exotel/watch"
import type { FleetEvent } from "@effect-exotel/watch"
import { Error as PlatformError, FileSystem } from "@effect/platform"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Either, Exit, Stream } from "effect"
import { cases, share } from "../../../scripts/lib/cases.mjs"
import { placeAll, policy } from "./support/fleets.ts"
import type { Scenario } from "./support/scenarios.ts"
import { inScenario } from "./support/scenarios.ts"

const PATH = "/state/fleet.json"

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** Files that outlive a process, and a process that is killed at its nth step: each event and file operation is one. */
const makeMachine = () => {
  const files = new Map<string, string>()
  let steps = 0
  let killAt = Infinity
  const isKilled = () => steps >= killAt
  /** `half` is the effect of an operation during which the process is killed. */
  const step = <A>(whole: () => A, half: () => void = () => undefined): Effect.Effect<A> =>
    Effect.suspend(() => {
      if (isKilled()) return Effect.dieMessage("killed")
      steps += 1
      if (!isKilled()) return Effect.sync(whole)
      half()
      return Effect.dieMessage("killed")
    })
  const notFound = new PlatformError.SystemError({ reason: "NotFound", module: "FileSystem", method: "readFileString" })
  const fileSystem = FileSystem.layerNoop({
    readFileString: (path) => {
      const file = files.get(path)
      return file === undefined ? Effect.fail(notFound) : Effect.succeed(file)
    },
    open: (path) =>
      Effect.as(step(() => files.set(path, "")), {
        writeAll: (bytes: Uint8Array) =>
          step(() => files.set(path, text(bytes)), () => files.set(path, text(bytes).slice(0, bytes.length / 2))),
        sync: step(() => undefined)
      } as unknown as FileSystem.File),
    rename: (from, to) =>
      step(() => {
        files.set(to, files.get(from) ?? "")
        files.delete(from)
      })
  })
  return {
    files,
    fileSystem,
    step,
    start: (killAtStep: number) => {
      steps = 0
      killAt = killAtStep
    },
    steps: () => steps
  }
}

type Machine = ReturnType<typeof makeMachine>

/** Runs a process on the machine; the events that it processed, and those of them that it saved. */
const runProcess = (
  scenario: Scenario,
  machine: Machine,
  sids: ReadonlyArray<string>,
  killAt: number,
  batchSize: number
) =>
  Effect.gen(function*() {
    machine.start(killAt)
    const processed: Array<FleetEvent.FleetEvent> = []
    const exit = yield* Effect.exit(
      Effect.gen(function*() {
        const checkpoint = yield* FleetCheckpoint.make(PATH, { batchSize })
        const known = new Set<string>(checkpoint.tokens.map(({ sid }) => sid))
        const calls = [...checkpoint.tokens, ...sids.filter((sid) => !known.has(sid))]
        yield* checkpoint.runForEach(scenario.watch.fleet(calls, policy), (event) =>
          machine.step(() => {
            processed.push(event)
          }))
      }).pipe(Effect.provide(machine.fileSystem))
    )
    return { exit, processed, steps: machine.steps() }
  })

const endings = (events: ReadonlyArray<FleetEvent.FleetEvent>) =>
  events.flatMap((event) => event._tag === "Ended" ? [event.sid as string] : [])

describe("a fleet checkpoint", () => {
  for (const batchSize of [1, 3, 256]) {
    it.effect(`loses no ending and repeats at most one batch of ${batchSize} when the process is killed at any step`, () =>
      inScenario((scenario) =>
        Effect.gen(function*() {
          const lengths = [12, 12, 21]
          const whole = makeMachine()
          const { steps } = yield* runProcess(
            scenario,
            whole,
            yield* placeAll(scenario.fake, lengths),
            Infinity,
            batchSize
          )
          assert.isAbove(steps, 20)
          // Five kinds of steps alternate: a third of the steps still has each of them.
          const stride = share() === 1 ? 1 : 3
          for (let killAt = 1; killAt <= steps; killAt += stride) {
            const machine = makeMachine()
            const sids = yield* placeAll(scenario.fake, lengths)
            const first = yield* runProcess(scenario, machine, sids, killAt, batchSize)
            assert.isTrue(Exit.isFailure(first.exit))
            // Calls that ended and were saved are not in the file; a source that is acknowledged offers them no more.
            const rest = sids.filter((sid) => !endings(first.processed).includes(sid))
            const second = yield* runProcess(scenario, machine, rest, Infinity, batchSize)
            assert.isTrue(Exit.isSuccess(second.exit))
            const all = [...endings(first.processed), ...endings(second.processed)]
            deepStrictEqual([...new Set(all)].sort(), [...sids].sort(), `killed at ${killAt}`)
            assert.isAtMost(all.length - sids.length, batchSize)
            deepStrictEqual(machine.files.get(PATH), "[]")
          }
        })
      ))
  }

  it.effect("loses no ending of many calls over many kills, and repeats at most one batch for each", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const batchSize = 16
        const size = Math.max(160, cases(500))
        const lastKill = Math.max(9, cases(20))
        const machine = makeMachine()
        const sids = yield* placeAll(scenario.fake, Array.from({ length: size }, (_, i) => 30 + i % 170))
        const ended: Array<string> = []
        let kills = 0
        for (let exit: Exit.Exit<unknown, unknown> = Exit.void; kills === 0 || Exit.isFailure(exit);) {
          const rest = sids.filter((sid) => !ended.includes(sid))
          // Each process first adds all remaining calls, with four file operations for each batch.
          const killAt = kills < lastKill ? Math.ceil(rest.length * 20 / 16) + 40 + (kills * 37) % 90 : Infinity
          const run = yield* runProcess(scenario, machine, rest, killAt, batchSize)
          const repeated = endings(run.processed).filter((sid) => ended.includes(sid))
          assert.isAtMost(repeated.length, batchSize)
          ended.push(...endings(run.processed))
          exit = run.exit
          kills += 1
        }
        assert.strictEqual(kills, lastKill + 1)
        deepStrictEqual([...new Set(ended)].sort(), [...sids].sort())
        assert.isAbove(ended.length, sids.length)
      })
    ))

  it.effect("repeats no processed event after an interruption or a failure in the middle of a batch", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const machine = makeMachine()
        const sids = yield* placeAll(scenario.fake, [12, 12, 12, 12])
        const ended: Array<string> = []
        const run = (stop: Effect.Effect<void, "failed">) =>
          Effect.gen(function*() {
            const checkpoint = yield* FleetCheckpoint.make(PATH)
            const calls = ended.length === 0 ? sids : checkpoint.tokens
            yield* checkpoint.runForEach(scenario.watch.fleet(calls, policy), (event) =>
              event._tag !== "Ended"
                ? Effect.void
                : ended.length === 1 || ended.length === 2
                ? Effect.zipRight(stop, Effect.sync(() => void ended.push(event.sid)))
                : Effect.sync(() => void ended.push(event.sid)))
          }).pipe(Effect.provide(machine.fileSystem))
        yield* run(Effect.never).pipe(Effect.timeoutOption("1 minute"))
        deepStrictEqual(ended.length, 1)
        assert.strictEqual(yield* Effect.flip(run(Effect.fail("failed"))), "failed")
        deepStrictEqual(ended.length, 1)
        yield* run(Effect.void)
        deepStrictEqual([...ended].sort(), [...sids].sort())
      })
    ))

  it.effect("passes on the events of a batch after they were saved, and of an unfinished batch only the processed ones", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const machine = makeMachine()
        const sids = yield* placeAll(scenario.fake, [12, 12, 12])
        const saved: Array<ReadonlyArray<number>> = []
        const run = Effect.gen(function*() {
          const checkpoint = yield* FleetCheckpoint.make(PATH, { batchSize: 2 })
          yield* checkpoint.runForEach(
            scenario.watch.fleet(sids, policy),
            (event) => event._tag === "Added" && event.sid === sids[2] ? Effect.fail("failed" as const) : Effect.void,
            (events) =>
              Effect.sync(() => {
                const added = Array.from(events).filter((event) => event._tag === "Added")
                for (const { sid } of added) {
                  assert.include(machine.files.get(PATH) ?? "", sid as string)
                  assert.isTrue(checkpoint.holds(sid))
                }
                assert.isFalse(checkpoint.holds(sids[2] ?? ""))
                saved.push(added.map(({ sid }) => sids.indexOf(sid)))
              })
          )
        }).pipe(Effect.provide(machine.fileSystem))
        assert.strictEqual(yield* Effect.flip(run), "failed")
        deepStrictEqual(saved, [[0, 1], []])
      })
    ))

  it.effect("rejects a file that is not the state of a fleet, and names it", () =>
    Effect.gen(function*() {
      const machine = makeMachine()
      machine.files.set(PATH, "[{\"version\":1")
      const error = yield* Effect.flip(FleetCheckpoint.make(PATH).pipe(Effect.provide(machine.fileSystem)))
      assert.strictEqual(error.reason, "Malformed")
      assert.include(error.message, PATH)
    }))

  it.effect("fails when the state cannot be saved", () =>
    inScenario((scenario) =>
      Effect.gen(function*() {
        const denied = new PlatformError.SystemError({
          reason: "PermissionDenied",
          module: "FileSystem",
          method: "open"
        })
        const disk = FileSystem.layerNoop({
          readFileString: () => Effect.succeed("[]"),
          open: () => Effect.fail(denied)
        })
        const sids = yield* placeAll(scenario.fake, [12])
        const result = yield* FleetCheckpoint.make(PATH).pipe(
          Effect.flatMap((checkpoint) =>
            Effect.either(checkpoint.runForEach(scenario.watch.fleet(sids, policy), () => Effect.void))
          ),
          Effect.provide(disk)
        )
        assert.isTrue(Either.isLeft(result) && result.left.reason === "NotSaved")
        assert.isTrue(Either.isLeft(result) && result.left.message.includes("PermissionDenied"))
      })
    ))

  it.scopedLive("writes a real file that the next process loads", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const path = `${folder}/fleet.json`
      const events = yield* inScenario((scenario) =>
        Effect.flatMap(placeAll(scenario.fake, [12]), (sids) =>
          Stream.runCollect(Stream.take(scenario.watch.fleet(sids, policy), 2)))
      )
      const first = yield* FleetCheckpoint.make(path)
      deepStrictEqual(first.tokens, [])
      yield* first.runForEach(Stream.fromChunk(events), () =>
        Effect.void)
      const second = yield* FleetCheckpoint.make(path)
      assert.strictEqual(second.tokens.length, 1)
      deepStrictEqual(yield* fs.readDirectory(folder), ["fleet.json"])
    }).pipe(Effect.provide(NodeFileSystem.layer)))
})
