/**
 * A file with the state of a fleet, from which the next process resumes it.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { FleetEvent } from "./FleetEvent.ts"
import * as FleetState from "./FleetState.ts"
import type { WatchToken } from "./WatchToken.ts"

/**
 * The file could not be read or written, or does not hold the state of a fleet.
 *
 * @since 0.1.0
 * @category errors
 */
export class CheckpointError extends Schema.TaggedError<CheckpointError>("@effect-exotel/watch/CheckpointError")(
  "CheckpointError",
  {
    path: Schema.String,
    reason: Schema.Literal("NotRead", "Malformed", "NotSaved"),
    /** The reason that the file system gave, such as `PermissionDenied`. */
    detail: Schema.optional(Schema.String)
  }
) {
  override get message(): string {
    const detail = this.detail === undefined ? "" : ` (${this.detail})`
    return `The checkpoint ${this.path} ${
      {
        NotRead: `could not be read${detail}. Check the path and its permissions.`,
        Malformed: "does not hold the state of a fleet. Restore the file, or remove it to start without it.",
        NotSaved: `could not be saved${detail}. Check the folder, its permissions and the free space.`
      }[this.reason]
    }`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The checkpoint of one fleet. Use a file of its own for each process.
 *
 * @since 0.1.0
 * @category models
 */
export interface FleetCheckpoint {
  /** The state that the last process saved, empty if the file does not exist. Pass it to `CallWatch.fleet` to resume. */
  readonly tokens: ReadonlyArray<WatchToken>
  /**
   * Whether the file holds the call now. The fleet watches it already and adds it no second time: acknowledge a message
   * that brings it again at once.
   */
  readonly holds: (sid: string) => boolean
  /**
   * Processes the events one after the other and saves the state after each batch: the events that were waiting, at most
   * `batchSize`. No
   * event is lost: after a kill at any time, the next process receives the events of the unfinished batch again, and no
   * others. After an interruption or a failure it receives only the event that was being processed.
   *
   * A new call is in the file when the batch of its `Added` event was saved; the source has to offer it again until then.
   * `onSaved` receives the events of each batch once they are in the file. There acknowledge the message of a queue that
   * brought a call: on its `Added`, and on a `Failed`, which is the only event of an invalid sid. For a message that is
   * delivered again see `holds`.
   */
  readonly runForEach: <E, R, E2, R2, E3 = never, R3 = never>(
    events: Stream.Stream<FleetEvent, E, R>,
    process: (event: FleetEvent) => Effect.Effect<void, E2, R2>,
    onSaved?: (events: Chunk.Chunk<FleetEvent>) => Effect.Effect<void, E3, R3>
  ) => Effect.Effect<void, E | E2 | E3 | CheckpointError, R | R2 | R3>
}

/**
 * Settings of a checkpoint.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The largest number of events that are saved together, at least 1. Default: 256. */
  readonly batchSize?: number | undefined
  /**
   * Whether the program has finished with the call, by records of its own. After a kill between such a record and the
   * save of the batch, the file still holds the call: it is then left out of `tokens` and of the file. Default: no call is done.
   */
  readonly isDone?: ((sid: string) => boolean) | undefined
}

const reasonFrom = (error: PlatformError): string => error._tag === "SystemError" ? error.reason : error._tag

/**
 * Loads the checkpoint. Each save writes a second file, `<path>.tmp`, and renames it, so that the file is complete at any
 * time.
 *
 * @example
 * ```ts
 * import { CallWatch, FleetCheckpoint } from "@effect-exotel/watch"
 * import { Console, Effect, Stream } from "effect"
 *
 * declare const newSids: Stream.Stream<string>
 *
 * const program = Effect.gen(function*() {
 *   const watch = yield* CallWatch.CallWatch
 *   const checkpoint = yield* FleetCheckpoint.make("fleet.json")
 *   const calls = Stream.concat(Stream.fromIterable(checkpoint.tokens), newSids)
 *   yield* checkpoint.runForEach(
 *     watch.fleet(calls),
 *     (event) => event._tag === "Ended" ? Console.log(`${event.sid} ${event.call.status}`) : Effect.void
 *   )
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  path: string,
  options: Options = {}
): Effect.Effect<FleetCheckpoint, CheckpointError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const text = yield* fs.readFileString(path).pipe(
      Effect.catchIf((error) => reasonFrom(error) === "NotFound", () => Effect.succeed("[]")),
      Effect.mapError((error) => new CheckpointError({ path, reason: "NotRead", detail: reasonFrom(error) }))
    )
    const { batchSize = 256, isDone = () => false } = options
    const saved = yield* Schema.decode(FleetState.FromJson)(text).pipe(
      Effect.mapError(() => new CheckpointError({ path, reason: "Malformed" }))
    )
    const tokens = saved.filter(({ sid }) => !isDone(sid))
    const state = yield* FleetState.make(tokens)
    /** The calls in the file; `state` may be ahead of it. */
    let held = new Set<string>(tokens.map(({ sid }) => sid))

    const save = Effect.gen(function*() {
      const current = yield* state.tokens
      const bytes = new TextEncoder().encode(yield* Effect.orDie(Schema.encode(FleetState.FromJson)(current)))
      const temporary = `${path}.tmp`
      yield* Effect.scoped(Effect.gen(function*() {
        const file = yield* fs.open(temporary, { flag: "w" })
        yield* file.writeAll(bytes)
        yield* file.sync
      }))
      yield* fs.rename(temporary, path)
      held = new Set(current.map(({ sid }) => sid))
    }).pipe(Effect.mapError((error) => new CheckpointError({ path, reason: "NotSaved", detail: reasonFrom(error) })))

    const processBatch = <E, R, E2, R2>(
      batch: Chunk.Chunk<FleetEvent>,
      process: (event: FleetEvent) => Effect.Effect<void, E, R>,
      onSaved: (events: Chunk.Chunk<FleetEvent>) => Effect.Effect<void, E2, R2>
    ): Effect.Effect<void, E | E2 | CheckpointError, R | R2> =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function*() {
          let processed = 0
          const exit = yield* Effect.exit(Effect.forEach(batch, (event) =>
            restore(process(event)).pipe(
              Effect.zipRight(state.update(event)),
              Effect.tap(() => {
                processed += 1
              })
            ), { discard: true }))
          // Also saves the part of a batch that was processed before a failure or an interruption.
          yield* save
          yield* restore(onSaved(Chunk.take(batch, processed)))
          return yield* exit
        })
      )

    if (tokens.length < saved.length) yield* save
    return {
      tokens,
      holds: (sid) => held.has(sid),
      runForEach: (events, process, onSaved = () => Effect.void) =>
        Stream.runForEachChunk(
          events,
          (chunk) =>
            Effect.forEach(
              Chunk.chunksOf(chunk, Math.max(1, batchSize)),
              (batch) => processBatch(batch, process, onSaved),
              { discard: true }
            )
        )
    }
  })
