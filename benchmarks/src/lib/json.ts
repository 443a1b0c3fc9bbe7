/** Writes results for other programs. */
import { FileSystem } from "@effect/platform"
import type { PlatformError } from "@effect/platform/Error"
import { Config, type ConfigError, Effect, Option } from "effect"

/** Writes the text to the file that `BENCH_JSON` names, if it names one. */
export const writeJson = (
  text: string
): Effect.Effect<void, ConfigError.ConfigError | PlatformError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const file = yield* Config.option(Config.string("BENCH_JSON"))
    if (Option.isNone(file)) return
    const fs = yield* FileSystem.FileSystem
    yield* fs.writeFileString(file.value, `${text}\n`)
  })
