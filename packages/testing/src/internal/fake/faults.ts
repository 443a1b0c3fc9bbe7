/** Decides which fault fires for a request, and records which have fired. */
import * as Duration from "effect/Duration"
import { PCGRandom } from "effect/Utils"
import type { Fault, FaultPlan, Operation } from "../../FaultPlan.ts"
import { describe } from "../../FaultPlan.ts"

interface Planned {
  readonly fault: Fault
  readonly since: number
  readonly random: PCGRandom
  /** Requests that met every condition but the count and the chance. */
  seen: number
  fired: number
}

export class FaultEngine {
  private planned: Array<Planned> = []
  private readonly seed: number

  constructor(seed: number) {
    this.seed = seed
  }

  add(plan: FaultPlan, now: number): void {
    for (const fault of plan.faults) {
      // A generator a fault, so that one fault's draws do not depend on the other faults of the plan.
      const random = new PCGRandom(this.seed, this.planned.length + 1)
      this.planned.push({ fault, since: now, random, seen: 0, fired: 0 })
    }
  }

  clear(): void {
    this.planned = []
  }

  /** Every fault counts the request; the first whose conditions hold fires. */
  select(operation: Operation, sid: string | undefined, now: number): Fault | undefined {
    let fired: Fault | undefined
    for (const planned of this.planned) {
      const { fault } = planned
      if (fault.forCall !== undefined && fault.forCall !== sid) continue
      if (fault.operation !== undefined && fault.operation !== operation) continue
      const elapsed = now - planned.since
      if (fault.between !== undefined && elapsed < Duration.toMillis(fault.between[0])) continue
      if (fault.between !== undefined && elapsed >= Duration.toMillis(fault.between[1])) continue
      planned.seen++
      if (fired !== undefined) continue
      if (fault.onRequest !== undefined && !fault.onRequest.includes(planned.seen)) continue
      if (fault.times !== undefined && planned.fired >= fault.times) continue
      if (fault.probability !== undefined && planned.random.number() >= fault.probability) continue
      planned.fired++
      fired = fault
    }
    return fired
  }

  /** The faults that may still fire. */
  armed(now: number): ReadonlyArray<Fault> {
    return this.planned.flatMap(({ fault, fired, seen, since }) => {
      const { between, onRequest, times } = fault
      const isOver = (times !== undefined && fired >= times)
        || (onRequest !== undefined && seen >= Math.max(...onRequest))
        || (between !== undefined && now - since >= Duration.toMillis(between[1]))
      if (isOver) return []
      return [times === undefined ? fault : { ...fault, times: times - fired }]
    })
  }

  /** One line for each required fault that did not fire, with its request count. `readSids` are the calls read. */
  unfired(readSids: ReadonlyArray<string>): ReadonlyArray<string> {
    const lines: Array<string> = []
    for (const { fault, fired, seen } of this.planned) {
      if (fault.optional === true || fault.probability !== undefined) continue
      const wanted = fault.onRequest?.length ?? 1
      if (fired >= wanted) continue
      const how = fired === 0 ? "never fired" : `fired ${fired} of ${wanted} times`
      lines.push(`the planned fault "${describe(fault)}" ${how}: ${fitting(fault, seen, readSids)}`)
    }
    return lines
  }
}

/** Whether a connect request with this fault places its call: a 4xx other than 408 says that none was placed. */
export const placesCall = (fault: Fault): boolean =>
  fault.placesCall ??
    (fault.kind !== "refused" &&
      !(fault.kind === "status" && Math.floor(fault.status / 100) === 4 && fault.status !== 408))

const fitting = (fault: Fault, seen: number, readSids: ReadonlyArray<string>): string => {
  if (seen > 0) return `${seen === 1 ? "1 request" : `${seen} requests`} met its other conditions`
  if (fault.forCall === undefined || readSids.includes(fault.forCall)) return "no request met its conditions"
  return readSids.length === 0 ? "no call was read" : `that call was not read; ${readSids.slice(0, 5).join(", ")} was`
}
