/** Fuzzes targets: makes inputs, checks each, and keeps those that lead to something new as documents for others. */
import { Cause, Effect, Exit, Fiber, Scheduler } from "effect"
import { chance, mutate, pick } from "./mutate.ts"
import type { Target, Verdict } from "./targets.ts"

export interface Finding {
  readonly target: string
  readonly rule: string
  readonly input: string
}

export interface Report {
  readonly target: string
  readonly inputs: number
  /** The number of different outcomes. */
  readonly outcomes: number
  readonly findings: ReadonlyArray<Finding>
  /** The longest time of one input, in milliseconds, after repetition. */
  readonly slowest: number
}

/** How often an input that takes too long is repeated: the machine may be busy. */
const REPETITIONS = 20

/** Inputs that led to something new, at most. */
const MAX_KEPT = 2000

/** The most findings that one target reports. */
const MAX_FINDINGS = 20

/** Runs without waiting for a turn of the event loop, as far as the effect needs none. */
const runExit = (effect: Effect.Effect<Verdict>): Exit.Exit<Verdict> | Promise<Exit.Exit<Verdict>> => {
  const scheduler = new Scheduler.SyncScheduler()
  const fiber = Effect.runFork(effect, { scheduler })
  scheduler.flush()
  return fiber.unsafePoll() ?? Effect.runPromise(Fiber.await(fiber))
}

/** The time of one check: elapsed time, or the processor time of this program if other programs ran meanwhile. */
const timed = async (target: Target, input: string, seed: number): Promise<readonly [Exit.Exit<Verdict>, number]> => {
  const usage = process.cpuUsage()
  const began = process.hrtime.bigint()
  const exit = await runExit(target.check(input, chance(seed)))
  const elapsed = Number(process.hrtime.bigint() - began) / 1e6
  if (elapsed < target.maxMillis) return [exit, elapsed]
  const { system, user } = process.cpuUsage(usage)
  return [exit, Math.min(elapsed, (system + user) / 1000)]
}

const check = async (target: Target, input: string, seed: number): Promise<readonly [Exit.Exit<Verdict>, number]> => {
  const [exit, millis] = await timed(target, input, seed)
  let fastest = millis
  for (let i = 0; i < REPETITIONS && fastest >= target.maxMillis; i++) {
    const [, again] = await timed(target, input, seed)
    fastest = Math.min(fastest, again)
  }
  return [exit, fastest]
}

export const fuzz = async (target: Target, inputs: number, seed: number): Promise<Report> => {
  const random = chance(seed)
  const change = target.mutate ?? mutate
  const documents = target.documents(seed)
  const kept: Array<string> = []
  const outcomes = new Set<string>()
  const findings: Array<Finding> = []
  const rules = new Set<string>()
  let slowest = 0
  const report = (rule: string, input: string) => {
    const kind = rule.split("\n")[0]?.replaceAll(/\d+/g, "n") ?? ""
    if (rules.has(kind) || findings.length >= MAX_FINDINGS) return
    rules.add(kind)
    findings.push({ target: target.name, rule, input })
  }
  // Code that has not run yet is slow.
  for (const document of [...documents, ...documents]) await timed(target, document, seed)
  // The documents themselves come first.
  for (let i = 0; i < inputs; i++) {
    const source = () => kept.length > 0 && random.integer(2) === 0 ? pick(random, kept) : pick(random, documents)
    const input = documents[i] ?? change(random, source(), source())
    // Lets a test runner send its heartbeat.
    if (i % 100 === 0) await new Promise((resume) => setImmediate(resume))
    const [exit, millis] = await check(target, input, seed + i)
    slowest = Math.max(slowest, millis)
    if (millis >= target.maxMillis) report(`it takes ${Math.round(millis)} ms`, input)
    if (Exit.isFailure(exit)) {
      report(`it dies: ${Cause.pretty(exit.cause)}`, input)
      continue
    }
    for (const rule of exit.value.broken) report(rule, input)
    if (!outcomes.has(exit.value.signature)) {
      outcomes.add(exit.value.signature)
      if (kept.length < MAX_KEPT) kept.push(input)
    }
  }
  return { target: target.name, inputs, outcomes: outcomes.size, findings, slowest }
}
