/** Chooses the outcome of each connect request, and records which planned outcomes were used. */
import { CallScript } from "../../../CallScript.ts"
import type { ConnectPlan, Outcome, Request, Table } from "../../../ConnectPlan.ts"
import { Rejection } from "../../../ConnectPlan.ts"

interface Numbered {
  readonly number: string
  readonly outcomes: ReadonlyArray<Outcome>
  used: number
}

const isOutcome = (value: unknown): value is Outcome => value instanceof CallScript || value instanceof Rejection

const toTable = (plan: Outcome | Table): Table => isOutcome(plan) ? { default: plan } : plan

const counted = (used: number, planned: number): string => `${used} of ${planned} outcomes were used`

export class Outcomes {
  private readonly decide: (request: Request) => Outcome | undefined
  private readonly numbered: ReadonlyArray<Numbered>
  private readonly inOrder: ReadonlyArray<Outcome>
  private readonly attempts = new Map<string, number>()
  private usedInOrder = 0
  private requests = 0

  constructor(plan: ConnectPlan) {
    const table = typeof plan === "function" ? {} : toTable(plan)
    this.numbered = Object.entries(table.byNumber ?? {}).map(([number, planned]) => ({
      number,
      outcomes: isOutcome(planned) ? [planned] : planned,
      used: 0
    }))
    this.inOrder = table.inOrder ?? []
    this.decide = typeof plan === "function" ? plan : (request) => this.fromTable(request) ?? table.default
  }

  private fromTable({ from, to }: Request): Outcome | undefined {
    const entry = this.numbered.find(({ number }) => number === to) ??
      this.numbered.find(({ number }) => number === from)
    if (entry === undefined) {
      const next = this.inOrder[this.usedInOrder]
      if (next !== undefined) this.usedInOrder++
      return next
    }
    return entry.outcomes[Math.min(entry.used++, entry.outcomes.length - 1)]
  }

  next(request: Omit<Request, "attempt">): { readonly request: Request; readonly outcome: Outcome | undefined } {
    const key = `${request.from} ${request.to ?? ""}`
    const attempt = (this.attempts.get(key) ?? 0) + 1
    this.attempts.set(key, attempt)
    this.requests++
    const numbered = { ...request, attempt }
    return { request: numbered, outcome: this.decide(numbered) }
  }

  /** One line for each part of the plan that was not used. Numbers are named by their position. */
  unused(): ReadonlyArray<string> {
    const lines = this.numbered.flatMap(({ outcomes, used }, index) =>
      used >= outcomes.length ? [] : [`connect.byNumber: ${counted(used, outcomes.length)} for number ${index + 1}`]
    )
    if (this.usedInOrder < this.inOrder.length) {
      lines.push(`connect.inOrder: ${counted(this.usedInOrder, this.inOrder.length)}`)
    }
    return this.requests === 0 && lines.length === 0 ? ["connect: no connect request arrived"] : lines
  }
}
