/**
 * Those who ask: a worker takes turn after turn of the request budget, and chooses what to ask only when its turn has come.
 * In each of two lanes, for looks and for what may wait, one worker at most waits for a turn.
 */
import type * as RequestBudget from "@effect-exotel/core/RequestBudget"
import { Turn } from "@effect-exotel/core/RequestBudget"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { Job } from "./watched.ts"

/** How soon it is looked again whether a request that nobody is in a hurry for is of use. */
const IDLE_MILLIS = 1000

export interface Lane {
  readonly priority: RequestBudget.Priority
  /** How many requests under way, of both lanes, keep it from sending one more. */
  readonly concurrency: number
  readonly hasWork: () => boolean
  /** What to ask now, and taken in hand; nothing when there is nothing of use. */
  readonly next: (now: number, worker: Fiber.RuntimeFiber<unknown>) => Job | undefined
}

interface Staffed extends Lane {
  /** The worker that waits for a turn, or is about to. */
  waiting: Fiber.RuntimeFiber<unknown> | "starting" | undefined
  /** How many workers it has. */
  staff: number
  idleUntil: number
}

export interface Options {
  readonly lanes: ReadonlyArray<Lane>
  readonly budget: RequestBudget.Service
  readonly fork: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>
  readonly time: () => number
  /** The time when it was last asked for: good enough where no wait depends on it. */
  readonly latest: () => number
  /** Before this time nothing is asked. */
  readonly readyAt: () => number
  readonly ask: (job: Job) => Effect.Effect<void>
  /** Runs what a worker asks with the turns that it takes. */
  readonly onTurns: (turn: RequestBudget.Turn, work: Effect.Effect<void>) => Effect.Effect<void>
  /** Told when a worker is no more. */
  readonly onIdle: () => void
  readonly onDefect: (cause: Cause.Cause<never>) => Effect.Effect<void>
}

export class Workers {
  /** How many requests are under way. */
  private running = 0
  private readonly options: Options
  private readonly lanes: ReadonlyArray<Staffed>

  constructor(options: Options) {
    this.options = options
    this.lanes = options.lanes.map((lane) => ({
      ...lane,
      waiting: undefined,
      staff: 0,
      idleUntil: Number.NEGATIVE_INFINITY
    }))
  }

  /** When somebody who has something to ask may begin to wait for a turn; never while everybody does, or has nothing. */
  get wakeAt(): number {
    let at = Number.POSITIVE_INFINITY
    for (const lane of this.lanes) {
      if (lane.waiting === undefined && this.hasUse(lane)) {
        at = Math.min(at, Math.max(this.options.readyAt(), lane.idleUntil))
      }
    }
    return at
  }

  /** The workers that wait for a turn which they would not use. */
  get superfluous(): ReadonlyArray<Fiber.RuntimeFiber<unknown>> {
    return this.lanes.flatMap(({ hasWork, waiting }) =>
      waiting === undefined || waiting === "starting" || hasWork() ? [] : [waiting]
    )
  }

  /** Has somebody wait for the next turn where there is something to ask. */
  dispatch(now: number): void {
    for (const lane of this.lanes) {
      if (lane.waiting !== undefined || lane.staff >= lane.concurrency || !this.mayAsk(lane, now)) continue
      lane.waiting = "starting"
      lane.staff += 1
      this.options.fork(this.worker(lane))
    }
  }

  shift(back: number): void {
    for (const lane of this.lanes) lane.idleUntil -= back
  }

  private hasUse(lane: Staffed): boolean {
    return this.running < lane.concurrency && lane.hasWork()
  }

  private mayAsk(lane: Staffed, now: number): boolean {
    return this.hasUse(lane) && now >= this.options.readyAt() && now >= lane.idleUntil
  }

  private worker(lane: Staffed): Effect.Effect<void> {
    const { onDefect, onIdle, onTurns, time } = this.options
    const turn = new Turn(lane.priority)
    return Effect.withFiberRuntime<void>((fiber) => {
      const worker = fiber as Fiber.RuntimeFiber<unknown>
      if (lane.waiting === "starting") lane.waiting = undefined
      let goesOn = true
      const cycle = Effect.suspend(() =>
        Effect.flatMap(this.take(lane), (granted) => {
          lane.waiting = undefined
          const job = granted ? this.choose(lane, worker) : undefined
          if (job === undefined) {
            goesOn = false
            lane.idleUntil = time() + IDLE_MILLIS
            return granted ? this.options.budget.giveBack(turn) : Effect.void
          }
          turn.renew()
          return this.carryOut(job)
        })
      )
      const work = Effect.whileLoop({
        while: () => {
          // One is enough to wait for a turn; somebody who has yet to begin need not.
          const isAlone = lane.waiting === undefined || lane.waiting === "starting"
          if (!goesOn || !isAlone || !this.mayAsk(lane, this.options.latest())) return false
          lane.waiting = worker
          return true
        },
        body: () => cycle,
        step: () => undefined
      })
      return onTurns(turn, work).pipe(
        Effect.catchAllCause((cause) => Cause.isInterruptedOnly(cause) ? Effect.void : onDefect(cause)),
        Effect.ensuring(Effect.sync(() => {
          lane.staff -= 1
          onIdle()
        }))
      )
    })
  }

  /** Waits for a turn; false when the worker has been sent away instead. */
  private take(lane: Staffed): Effect.Effect<boolean> {
    return Effect.flatMap(
      Effect.exit(Effect.interruptible(this.options.budget.take(lane.priority))),
      (exit) =>
        Exit.isSuccess(exit)
          ? granted
          : Cause.isInterruptedOnly(exit.cause)
          ? refused
          : Effect.failCause(exit.cause)
    )
  }

  private choose(lane: Staffed, worker: Fiber.RuntimeFiber<unknown>): Job | undefined {
    const now = this.options.time()
    if (now < this.options.readyAt() || this.running >= lane.concurrency) return undefined
    return lane.next(now, worker)
  }

  private carryOut(job: Job): Effect.Effect<void> {
    this.running += 1
    // Whoever comes next waits for the next turn meanwhile.
    this.dispatch(this.options.latest())
    return Effect.map(this.options.ask(job), () => {
      this.running -= 1
    })
  }
}

const granted = Effect.succeed(true)
const refused = Effect.succeed(false)
