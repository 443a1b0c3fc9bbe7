#!/usr/bin/env node
/** `exotel-fake`: the fake Exotel as a program, for clients in any language. */
import * as Region from "@effect-exotel/core/Region"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import { parseArgs } from "node:util"
import * as FakeExotel from "./FakeExotel.ts"
import type { ScriptFile } from "./internal/command/scriptFile.ts"
import { demo, parse } from "./internal/command/scriptFile.ts"
import { renderEntry } from "./Journal.ts"
import * as ScaledClock from "./ScaledClock.ts"

const help = `exotel-fake: a fake Exotel over HTTP, for programs in any language.

usage: exotel-fake [options] [script.json]

Serves the calls of the script file, each of which lives by the clock: it rings, is answered, ends and settles, however
often it is asked for. Without a file it serves three calls: answered, no answer, busy.

options:
  --port <n>       the port to listen on; 0 for any that is free (default 4010)
  --host <name>    the address to listen on (default 127.0.0.1)
  --speed <x>      how many times as fast as real time the calls live (default 1)
  --seed <n>       from which sids and chances are drawn (default 1)
  --region <name>  the cluster that is played: ${Region.all.join(" or ")} (default: that of the first account)
  --quiet          no log of requests
  --help           this text

script file:
  {
    "accounts": [{ "accountSid": "acme1m", "apiKey": "key", "apiToken": "token", "region": "mumbai" }],
    "calls": [
      { "sid": "abc", "script": { "kind": "answered", "ring": "8 seconds", "talk": "40 seconds" } },
      { "at": "1 minute", "script": { "kind": "busy" }, "repeat": { "every": "10 seconds", "times": 20 } }
    ],
    "faults": [{ "kind": "status", "status": 503, "onRequest": [2, 3] }]
  }
  kinds of script: answered, inbound, busy, noAnswer, failed, canceled, custom
  kinds of fault:  status, reset, stalled, slowDrip, truncated, hugeBody, garbage, html, malformed
  also: requestsPerMinute, retryAfter, bulkLag, wrongRegion, unknownCall, wireFormat, timeZone, statusCallback

what is served, below http://<host>:<port>:
  GET /v1/Accounts/<account>/Calls/<sid>.json?details=true   one call; XML without .json
  GET /v1/Accounts/<account>/Calls.json?Sid=<sid>,<sid>       the bulk read: ended calls only
  GET /v1/Accounts/<account>.json                            the account
`

class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

interface Arguments {
  readonly file: string | undefined
  readonly port: number
  readonly host: string
  readonly speed: number
  readonly seed: number
  readonly region: Region.Region | undefined
  readonly quiet: boolean
}

const numberFrom = (
  name: string,
  text: string,
  holds: (value: number) => boolean,
  what: string
): Effect.Effect<number, UsageError> => {
  const value = Number(text)
  return text.trim() !== "" && holds(value)
    ? Effect.succeed(value)
    : new UsageError({ message: `--${name} must be ${what}` })
}

const readArguments = (args: ReadonlyArray<string>): Effect.Effect<Arguments | "help", UsageError> =>
  Effect.gen(function*() {
    const { positionals, values } = yield* Effect.try({
      try: () =>
        parseArgs({
          args: [...args],
          allowPositionals: true,
          options: {
            port: { type: "string", default: "4010" },
            host: { type: "string", default: "127.0.0.1" },
            speed: { type: "string", default: "1" },
            seed: { type: "string", default: "1" },
            region: { type: "string" },
            quiet: { type: "boolean", default: false },
            help: { type: "boolean", short: "h", default: false }
          }
        }),
      catch: (cause) => new UsageError({ message: cause instanceof Error ? cause.message : String(cause) })
    })
    if (values.help) return "help"
    if (positionals.length > 1) return yield* new UsageError({ message: "one script file at most" })
    const { region } = values
    if (region !== undefined && !Region.isRegion(region)) {
      return yield* new UsageError({ message: `--region must be ${Region.all.join(" or ")}` })
    }
    const whole = (value: number) => Number.isSafeInteger(value)
    return {
      file: positionals[0],
      port: yield* numberFrom("port", values.port, (n) => whole(n) && n >= 0 && n <= 65_535, "from 0 to 65535"),
      host: values.host,
      speed: yield* numberFrom("speed", values.speed, (n) => n > 0 && Number.isFinite(n), "greater than 0"),
      seed: yield* numberFrom("seed", values.seed, whole, "a whole number"),
      region,
      quiet: values.quiet
    }
  })

const load = (file: string | undefined) =>
  file === undefined
    ? Effect.succeed(demo)
    : Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(file)).pipe(
      Effect.mapError(() => new UsageError({ message: `${file} cannot be read` })),
      Effect.flatMap(parse)
    )

const MOST_SHOWN = 10

/** Credentials are shown only when they are the ones that everybody knows. */
const introduction = (args: Arguments, script: ScriptFile, fake: FakeExotel.Service, sids: ReadonlyArray<string>) => {
  const { accountSid, apiKey, apiToken } = fake.options
  const known = script.options.accounts === undefined
  const user = known ? `${Redacted.value(apiKey)}:${Redacted.value(apiToken)}` : "<key>:<token>"
  const lines = [
    `exotel-fake listens on ${fake.baseUrl}${args.speed === 1 ? "" : `, ${args.speed} times as fast as real time`}`,
    `account ${accountSid}${known ? "" : ", credentials as in the script file"}`,
    `calls   ${sids.length === 0 ? "none" : sids.slice(0, MOST_SHOWN).join("\n        ")}`
  ]
  if (sids.length > MOST_SHOWN) lines.push(`        and ${sids.length - MOST_SHOWN} more`)
  lines.push(
    `try     curl -u ${user} '${fake.baseUrl}/v1/Accounts/${accountSid}/Calls/${sids[0] ?? "<sid>"}.json?details=true'`
  )
  return lines.join("\n")
}

const serve = (args: Arguments, script: ScriptFile) =>
  Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    const sids = yield* Effect.forEach(script.placements, ({ options, script }) => fake.place(script, options))
    yield* Console.log(introduction(args, script, fake, sids))
    return yield* Effect.never
  }).pipe(
    Effect.provide(FakeExotel.layerServer({
      journalLimit: 10_000,
      ...script.options,
      port: args.port,
      host: args.host,
      seed: args.seed,
      verifyOnClose: false,
      ...(args.region === undefined ? {} : { region: args.region }),
      onRequest: (entry) => args.quiet ? Effect.void : Console.log(renderEntry(entry))
    })),
    Effect.catchTag("ServeError", () =>
      new UsageError({ message: `${args.host}:${args.port} cannot be listened on; is it in use? Try --port 0` })),
    Effect.provide(ScaledClock.layer(args.speed))
  )

const main = Effect.gen(function*() {
  const args = yield* readArguments(process.argv.slice(2))
  if (args === "help") return yield* Console.log(help)
  return yield* serve(args, yield* load(args.file))
}).pipe(
  Effect.catchAll((error) =>
    Effect.zipRight(
      Console.error(error._tag === "UsageError" ? `exotel-fake: ${error.message}. See --help.` : error.message),
      Effect.sync(() => {
        process.exitCode = 1
      })
    )
  ),
  Effect.provide(NodeFileSystem.layer),
  Effect.provide(Logger.pretty)
)

NodeRuntime.runMain(main, { disableErrorReporting: true })
