/**
 * The workers that send requests. A worker acquires a permit of the request budget, and only then chooses the poll.
 * In each of two lanes, for polls and for background reads, at most one worker waits for a permit. A worker without work
 * is idle until there is some, because starting another costs more than the rest of a poll.
 */
import type * as RequestBudget from "@effect-exotel/core/RequestBudget"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Job } from "./watchedCall.ts"

/** The interval at which a lane without work checks for work. */
const IDLE_MILLIS = 1000

export interface Lane {
  readonly priority: RequestBudget.Priority
  /** The number of requests in flight, over both lanes, at which the lane sends no more. */
  readonly concurrency: number
  readonly hasWork: () => boolean
  /** Takes the next job, if there is one. */
  readonly next: (now: number, worker: Fiber.RuntimeFiber<unknown>) => Job | undefined
}

interface LaneState extends Lane {
  /** The worker that waits for a permit, or is about to. */
  waiting: Fiber.RuntimeFiber<unknown> | "starting" | undefined
  /** The number of workers, and those that are idle. */
  poolSize: number
  readonly idle: Set<IdleWorker>
  idleUntil: number
}

interface IdleWorker {
  readonly wake: (nothing: Effect.Effect<void>) => void
}

export interface Options {
  readonly lanes: ReadonlyArray<Lane>
  readonly budget: RequestBudget.Service
  readonly fork: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>
  readonly time: () => number
  /** The time of the last clock reading: sufficient where no wait depends on it. */
  readonly latest: () => number
  /** No request is sent before this time. */
  readonly readyAt: () => number
  readonly send: (job: Job) => Effect.Effect<void>
  /** Runs a request with the permit that was acquired for it. */
  readonly withPermit: (work: Effect.Effect<void>, permit: RequestBudget.Permit) => Effect.Effect<void>
  /** Called when a worker becomes idle. */
  readonly onIdle: () => void
  readonly onDefect: (cause: Cause.Cause<never>) => Effect.Effect<void>
}

export class Lanes {
  /** The number of requests in flight. */
  private running = 0
  private readonly options: Options
  private readonly lanes: ReadonlyArray<LaneState>

  constructor(options: Options) {
    this.options = options
    this.lanes = options.lanes.map((lane) => ({
      ...lane,
      waiting: undefined,
      poolSize: 0,
      idle: new Set(),
      idleUntil: Number.NEGATIVE_INFINITY
    }))
  }

  /** The earliest time at which a lane with work may start to wait for a permit; infinite if none has work. */
  get wakeAt(): number {
    let at = Number.POSITIVE_INFINITY
    for (const lane of this.lanes) {
      if (lane.waiting === undefined && this.hasUse(lane)) {
        at = Math.min(at, Math.max(this.options.readyAt(), lane.idleUntil))
      }
    }
    return at
  }

  /** The workers that wait for a permit which they would not use. */
  get surplus(): ReadonlyArray<Fiber.RuntimeFiber<unknown>> {
    return this.lanes.flatMap(({ hasWork, waiting }) =>
      waiting === undefined || waiting === "starting" || hasWork() ? [] : [waiting]
    )
  }

  /** Lets a worker wait for the next permit in each lane that has work. */
  dispatch(now: number): void {
    for (const lane of this.lanes) {
      if (lane.waiting !== undefined || !this.canSend(lane, now)) continue
      const [idle] = lane.idle
      if (idle === undefined && lane.poolSize >= lane.concurrency) continue
      lane.waiting = "starting"
      if (idle !== undefined) {
        lane.idle.delete(idle)
        idle.wake(Effect.void)
        continue
      }
      lane.poolSize += 1
      this.options.fork(this.worker(lane))
    }
  }

  shift(back: number): void {
    for (const lane of this.lanes) lane.idleUntil -= back
  }

  private hasUse(lane: LaneState): boolean {
    return this.running < lane.concurrency && lane.hasWork()
  }

  private canSend(lane: LaneState, now: number): boolean {
    return this.hasUse(lane) && now >= this.options.readyAt() && now >= lane.idleUntil
  }

  private worker(lane: LaneState): Effect.Effect<void> {
    const { budget, onDefect, onIdle, withPermit, time } = this.options
    return Effect.withFiberRuntime<void>((fiber) => {
      const worker = fiber as Fiber.RuntimeFiber<unknown>
      let continues = true
      let isSending = false
      let idle: IdleWorker | undefined

      const begin = Effect.sync(() => {
        continues = true
        idle = undefined
        if (lane.waiting === "starting") lane.waiting = undefined
      })

      const becomeIdle = (): void => {
        continues = false
        lane.idleUntil = time() + IDLE_MILLIS
      }

      const acquirePermit = Effect.matchCauseEffect(Effect.interruptible(budget.acquire(lane.priority)), {
        onFailure: (cause) => {
          lane.waiting = undefined
          // A worker is interrupted while it waits only when its lane has no work.
          if (!Cause.isInterruptedOnly(cause)) return Effect.failCause(cause)
          becomeIdle()
          return Effect.void
        },
        onSuccess: (permit) => {
          lane.waiting = undefined
          const job = this.choose(lane, worker)
          if (job === undefined) {
            becomeIdle()
            return budget.release(permit)
          }
          isSending = true
          this.running += 1
          // The next worker waits for the next permit meanwhile.
          this.dispatch(this.options.latest())
          return withPermit(this.options.send(job), permit)
        }
      })

      const work = Effect.whileLoop({
        while: () => {
          // One waiting worker is enough; a worker that has yet to start need not wait.
          const isAlone = lane.waiting === undefined || lane.waiting === "starting"
          if (!continues || !isAlone || !this.canSend(lane, this.options.latest())) return false
          lane.waiting = worker
          return true
        },
        body: () => acquirePermit,
        step: () => {
          if (isSending) this.running -= 1
          isSending = false
        }
      })

      const rest = Effect.interruptible(Effect.async<void>((wake) => {
        idle = { wake }
        lane.idle.add(idle)
        onIdle()
      }))

      const cycle = begin.pipe(Effect.zipRight(work), Effect.zipRight(rest))
      const loop = Effect.whileLoop({ while: () => true, body: () => cycle, step: () => undefined })
      return loop.pipe(
        Effect.catchAllCause((cause) => Cause.isInterruptedOnly(cause) ? Effect.void : onDefect(cause)),
        Effect.ensuring(Effect.sync(() => {
          // Interrupted while idle, or woken and not yet started.
          const isWoken = idle !== undefined && !lane.idle.delete(idle)
          if (isWoken && lane.waiting === "starting") lane.waiting = undefined
          lane.poolSize -= 1
          onIdle()
        }))
      )
    })
  }

  private choose(lane: LaneState, worker: Fiber.RuntimeFiber<unknown>): Job | undefined {
    const now = this.options.time()
    if (now < this.options.readyAt() || this.running >= lane.concurrency) return undefined
    return lane.next(now, worker)
  }
}
