/** Everything that a program usually prints, spans and logs, gathered so that it can be searched for what must not be there. */
import { Cause, Context, Effect, Exit, Inspectable, Layer, List, Logger, LogLevel, Option, Tracer } from "effect"
import { inspect } from "node:util"
import { apiKey, apiToken } from "./clients.ts"

export const phones = ["08012345678", "+918087654321", "02248000000", "+91 (80) 4567-8901", "080 2345 6789"] as const
export const callerName = "Canary Fernandes"
const basic = Buffer.from(`${apiKey}:${apiToken}`).toString("base64")

/** The forms in which a server may send a secret back. */
export const reflections = [
  `Basic ${basic}`,
  basic,
  apiKey,
  apiToken,
  encodeURIComponent(basic),
  `${apiKey}:${apiToken}`,
  `https://${apiKey}:${apiToken}@api.exotel.com`,
  ...phones,
  "call sip:+918012345678@example.invalid now",
  "९१८०८७६५४३२१"
]

/** What would give a secret away: each of them, and each half of what is long. */
const telltales = [
  ...[apiKey, apiToken, basic].flatMap((secret) => [secret.slice(0, 16), secret.slice(-16)]),
  ...phones.flatMap((phone) => [phone, phone.replaceAll(/\D/g, "").slice(-7)]),
  "4567-8901",
  "2345 6789",
  "८०८७६५४",
  callerName
]

export const leaks = (text: string): ReadonlyArray<string> => telltales.filter((telltale) => text.includes(telltale))

/** Each usual way to print a value. */
export const printed = (value: unknown): string =>
  [
    value instanceof Error ? `${value.name} ${value.message} ${value.stack} ${String(value)}` : "",
    JSON.stringify(value),
    inspect(value, { depth: Infinity, showHidden: true }),
    inspect(value, { depth: Infinity, showHidden: true, getters: true }),
    Inspectable.toStringUnknown(value),
    Inspectable.format(value),
    Cause.pretty(Cause.fail(value)),
    Cause.pretty(Cause.die(value), { renderErrorCause: true }),
    JSON.stringify(Cause.fail(value)),
    JSON.stringify(Exit.fail(value)),
    inspect(Exit.fail(value), { depth: Infinity, showHidden: true })
  ].join("\n")

/** Collects what is output about spans, and what stock loggers make of what is logged. */
export const record = <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<readonly [A, string], E, R> => {
  const output: Array<unknown> = []
  const tracer = Tracer.make({
    span: (name, parent, context, links, startTime, kind) => {
      output.push(name, links)
      const attributes = new Map<string, unknown>()
      return {
        _tag: "Span",
        name,
        spanId: "s",
        traceId: "t",
        parent,
        context: Context.empty(),
        status: { _tag: "Started", startTime },
        attributes,
        links: [],
        sampled: true,
        kind,
        end: (_, exit) => void output.push(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", JSON.stringify(exit)),
        attribute: (key, value) => void output.push(key, value),
        event: (name, _, attributes) => void output.push(name, attributes),
        addLinks: (links) => void output.push(links)
      }
    },
    context: (f) => f()
  })
  const lines = (logger: Logger.Logger<unknown, unknown>) =>
    Logger.map(logger, (line) => void output.push(line, JSON.stringify(line)))
  const captured = (...args: ReadonlyArray<unknown>) =>
    void output.push(...args, args.map((arg) => inspect(arg)).join(" "))
  const loggers = [Logger.stringLogger, Logger.logfmtLogger, Logger.jsonLogger, Logger.structuredLogger]
  const layer = Layer.mergeAll(
    Layer.setTracer(tracer),
    Logger.minimumLogLevel(LogLevel.Trace),
    Logger.remove(Logger.defaultLogger),
    ...loggers.map((logger) => Logger.add(lines(logger))),
    ...(["tty", "browser"] as const).map((mode) => Logger.add(Logger.prettyLogger({ mode, colors: false })))
  )
  const withConsole = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.consoleWith((console) =>
      Effect.withConsole(effect, {
        ...console,
        unsafe: { ...console.unsafe, log: captured, error: captured, group: captured, groupCollapsed: captured }
      })
    )
  return withConsole(Effect.provide(program, layer)).pipe(
    Effect.map((result) => [
      result,
      [...new Set(output)].map((one) =>
        typeof one === "string" ? one : inspect(one, { depth: Infinity, showHidden: true })
      ).join("\n")
    ])
  )
}

/** Logs a value in each of the ways in which a program does. */
export const logInEveryWay = (value: unknown) =>
  Effect.forEach(
    [
      Effect.log(value),
      Effect.logTrace("read", value),
      Effect.logError({ value }),
      Effect.logWarning([value]),
      Effect.logInfo(Option.some(value)),
      Effect.logFatal(Exit.succeed(value)),
      Effect.log(List.make(value), new Map([["value", value]])),
      Effect.annotateLogs(Effect.log("annotated"), "value", value),
      Effect.annotateLogs(Effect.log("annotated"), { nested: { value } }),
      Effect.withSpan(Effect.log("in a span"), "program", { attributes: { value } })
    ],
    (effect) => effect,
    { discard: true }
  )

/** Logs an error as what a program failed with. */
export const logAsFailure = (error: unknown) =>
  Effect.all([
    logInEveryWay(error),
    Effect.logError("failed", Cause.fail(error)),
    Effect.logError(Cause.die(error), Exit.fail(error)),
    Effect.logError(Cause.parallel(Cause.fail(error), Cause.die(new Error("wrapped", { cause: error })))),
    Effect.exit(Effect.withSpan(Effect.fail(error), "failing")),
    Effect.exit(Effect.withSpan(Effect.die(error), "dying"))
  ], { discard: true })
