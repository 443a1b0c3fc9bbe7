#!/usr/bin/env node
/** `exotel-fake`: the fake Exotel as a command, for clients in any language. */
import * as Region from "@effect-exotel/core/Region"
import * as FakeExotel from "@effect-exotel/testing/FakeExotel"
import { renderEntry } from "@effect-exotel/testing/Journal"
import * as ScaledClock from "@effect-exotel/testing/ScaledClock"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as FileSystem from "@effect/platform/FileSystem"
import * as ConfigError from "effect/ConfigError"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { fileURLToPath } from "node:url"
import * as Help from "./help.ts"
import type { ScriptFile } from "./scriptFile.ts"
import { demo, parse } from "./scriptFile.ts"
import { ringUntilAnswered } from "./ui/actions.ts"

class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

const options = {
  file: Args.file({ name: "script.json", exists: "either" }).pipe(
    Args.withDescription("The script file. Without one, three calls are served: answered, no answer, busy."),
    Args.optional
  ),
  port: Options.integer("port").pipe(
    Options.withDescription("The port to listen on; 0 for any free port."),
    Options.withSchema(Schema.Int.pipe(Schema.between(0, 65_535))),
    Options.withDefault(4010)
  ),
  host: Options.text("host").pipe(
    Options.withDescription("The address to listen on."),
    Options.withDefault("127.0.0.1")
  ),
  speed: Options.float("speed").pipe(
    Options.withDescription("The factor by which the calls run faster than real time. It does not accelerate clients."),
    Options.withSchema(Schema.Number.pipe(Schema.finite(), Schema.positive())),
    Options.withDefault(1)
  ),
  seed: Options.integer("seed").pipe(
    Options.withDescription(
      "The seed of generated sids and of probabilities. By default another one at each start, so that a client's stored sids do not return."
    ),
    Options.optional
  ),
  region: Options.choice("region", Region.all).pipe(
    Options.withDescription("The cluster that the server plays. Default: that of the first account."),
    Options.optional
  ),
  quiet: Options.boolean("quiet").pipe(Options.withDescription("Does not log requests.")),
  ui: Options.boolean("ui").pipe(
    Options.withDescription("Serves a page on loopback that shows the calls, and in which a person answers them.")
  ),
  uiPort: Options.integer("ui-port").pipe(
    Options.withDescription("The port of the page; 0 for any free port."),
    Options.withSchema(Schema.Int.pipe(Schema.between(0, 65_535))),
    Options.withDefault(4011)
  ),
  exitWithParent: Options.boolean("exit-with-parent").pipe(
    Options.withDescription("Ends when the process that started it has ended.")
  )
}

interface Arguments extends Command.Command.ParseConfig<typeof options> {}

const load = (file: Option.Option<string>) =>
  Option.match(file, {
    onNone: () => Effect.succeed(demo),
    onSome: (path) =>
      Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(path)).pipe(
        Effect.mapError(() => new UsageError({ message: `${path} cannot be read` })),
        Effect.flatMap(parse)
      )
  })

const MAX_SHOWN = 10

/** Shows credentials only when they are the default ones, which are public. */
const introduction = (
  args: Arguments,
  script: ScriptFile,
  fake: FakeExotel.Service,
  seed: number,
  sids: ReadonlyArray<string>
) => {
  const { accountSid, apiKey, apiToken } = fake.options
  const isDefault = script.options.accounts === undefined
  const user = isDefault ? `${Redacted.value(apiKey)}:${Redacted.value(apiToken)}` : "<key>:<token>"
  const lines = [
    `exotel-fake listens on ${fake.baseUrl}${args.speed === 1 ? "" : `, ${args.speed} times as fast as real time`}`,
    `seed    ${seed}`,
    `account ${accountSid}${isDefault ? "" : ", credentials as in the script file"}`,
    `calls   ${sids.length === 0 ? "none" : sids.slice(0, MAX_SHOWN).join("\n        ")}`
  ]
  if (sids.length > MAX_SHOWN) lines.push(`        and ${sids.length - MAX_SHOWN} more`)
  const calls = `${fake.baseUrl}/v1/Accounts/${accountSid}/Calls`
  lines.push(
    `read    curl -u ${user} '${calls}/${sids[0] ?? "<sid>"}.json?details=true'`,
    `place   curl -u ${user} -d From=<number> -d To=<number> -d CallerId=<ExoPhone> ${calls}/connect.json`
  )
  return lines.join("\n")
}

const cannotListen = (host: string, port: number, option: string) =>
  new UsageError({ message: `cannot listen on ${host}:${port}; is it in use? Try ${option} 0` })

/** Completes when the parent process has ended: the system then gives this process another parent. */
const parentExit = Effect.sync(() => process.ppid).pipe(
  Effect.flatMap((parent) =>
    Effect.sync(() => process.ppid === parent).pipe(
      Effect.repeat({ while: (same) => same, schedule: Schedule.spaced("500 millis") })
    )
  ),
  Effect.zipRight(Console.log("exotel-fake ends, because the process that started it has ended"))
)

const serve = (args: Arguments, script: ScriptFile) =>
  Effect.gen(function*() {
    const realClock = yield* Effect.clock
    const scaled = yield* ScaledClock.makeAdjustable(args.speed)
    const seed = Option.isSome(args.seed) ? args.seed.value : yield* Random.nextIntBetween(1, 1_000_000)
    const isPlanned = script.options.connect !== undefined
    const page = Effect.gen(function*() {
      const Ui = yield* Effect.promise(() => import("./ui/server.ts"))
      const address = yield* Ui.serve({
        onFakeClock: Effect.withClock(scaled.clock),
        speed: scaled.factor,
        setSpeed: scaled.setFactor,
        behavior: yield* Ref.make(isPlanned ? "script" : "manual")
      }, args.uiPort).pipe(Effect.mapError(() => cannotListen("127.0.0.1", args.uiPort, "--ui-port")))
      yield* Console.log(`page    ${address}`)
    })
    return yield* Effect.gen(function*() {
      const fake = yield* FakeExotel.FakeExotel
      const sids = yield* Effect.forEach(script.placements, ({ options, script }) => fake.place(script, options))
      yield* Console.log(introduction(args, script, fake, seed, sids))
      if (args.ui) {
        // Without a plan, a call rings until a person acts.
        if (!isPlanned) yield* fake.onConnect(ringUntilAnswered)
        yield* Effect.withClock(page, realClock)
      }
      return yield* Effect.never
    }).pipe(
      Effect.provide(FakeExotel.layerServer({
        journalLimit: 10_000,
        ...script.options,
        port: args.port,
        host: args.host,
        seed,
        verifyOnClose: false,
        ...(Option.isSome(args.region) ? { region: args.region.value } : {}),
        onRequest: (entry) => args.quiet ? Effect.void : Console.log(renderEntry(entry))
      })),
      Effect.catchTag("ServeError", () => cannotListen(args.host, args.port, "--port")),
      Effect.withClock(scaled.clock)
    )
  }).pipe(Effect.scoped)

const command = Command.make(
  "exotel-fake",
  options,
  (args) =>
    Effect.flatMap(
      load(args.file),
      (script) => args.exitWithParent ? Effect.raceFirst(serve(args, script), parentExit) : serve(args, script)
    )
).pipe(
  Command.withDescription(HelpDoc.blocks([
    HelpDoc.p(
      "A fake Exotel over HTTP, for programs in any language. Each call of the script file follows the clock: "
        + "it rings, is answered, ends and settles, however often it is read."
    ),
    ...[Help.scriptFile, Help.served, Help.speed].map((text) => HelpDoc.p(text))
  ]))
)

const describeConfig = (error: ConfigError.ConfigError): string =>
  "path" in error
    ? `${error.path.join(".")}: ${error.message}`
    : `${describeConfig(error.left)}\n  ${describeConfig(error.right)}`

const describe = (error: { readonly _tag: string; readonly message: string }): string =>
  error._tag === "UsageError" ? `exotel-fake: ${error.message}. See --help.` : error.message

const version = Effect.flatMap(
  FileSystem.FileSystem,
  (fs) => fs.readFileString(fileURLToPath(new URL("../package.json", import.meta.url)))
).pipe(
  Effect.flatMap(Schema.decode(Schema.parseJson(Schema.Struct({ version: Schema.String })))),
  Effect.map((manifest) => manifest.version)
)

version.pipe(
  Effect.flatMap((version) => Command.run(command, { name: "exotel-fake", version })(process.argv)),
  Effect.catchAll((error) =>
    Effect.zipRight(
      // The command line prints its own validation errors.
      ConfigError.isConfigError(error)
        ? Console.error(`The script file cannot be used:\n  ${describeConfig(error)}`)
        : "message" in error
        ? Console.error(describe(error))
        : Effect.void,
      Effect.sync(() => {
        process.exitCode = 1
      })
    )
  ),
  Effect.provide(NodeContext.layer),
  Effect.provide(Logger.pretty),
  (main) => NodeRuntime.runMain(main, { disableErrorReporting: true })
)
