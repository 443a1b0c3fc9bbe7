/** Places the call of a connect request, or rejects the request. */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type * as Queue from "effect/Queue"
import type { CallbackPlan } from "../../../CallbackPlan.ts"
import * as Script from "../../../CallScript.ts"
import type { ConnectPlan, Outcome, Placed, Request, Settings } from "../../../ConnectPlan.ts"
import { Rejection } from "../../../ConnectPlan.ts"
import type { Failure } from "../failure.ts"
import type { PlacedCall } from "../records.ts"
import type { FakeState } from "../state.ts"
import type { Fields } from "./form.ts"
import { Outcomes } from "./outcomes.ts"
import type { Connect } from "./request.ts"
import { readRequest } from "./request.ts"
import { Slots } from "./slots.ts"

/** The part of a fake's state that connect requests use. */
export interface ConnectState {
  readonly settings: Settings
  readonly slots: Slots
  readonly placed: Array<Placed>
  /** The placed calls that `nextPlaced` has not returned. */
  readonly unseen: Queue.Enqueue<Placed>
  /** Undefined when the test has planned nothing. */
  outcomes: Outcomes | undefined
}

export const makeState = (
  plan: ConnectPlan | undefined,
  settings: Settings,
  unseen: Queue.Enqueue<Placed>
): ConnectState => ({
  settings,
  slots: new Slots(),
  placed: [],
  unseen,
  outcomes: plan === undefined ? undefined : new Outcomes(plan)
})

/** A call, and the callback that its request asked for. */
export interface Connected {
  readonly call: PlacedCall
  readonly callback: CallbackPlan | undefined
}

const rejection = ({ code, message, retryAfter, status }: Rejection, { from, to }: Connect): Failure => ({
  status,
  message: message.replaceAll("{number}", to ?? from),
  ...(code === undefined ? {} : { code }),
  ...(retryAfter === undefined ? {} : { retryAfter })
})

const answered = ({ to }: Connect): Script.CallScript => Script.answered({ legs: to === undefined ? 1 : 2 })

/** Exotel accepts a `Url` that is not that of a flow, and the call fails. */
const isUnplayable = ({ appId, to }: Connect): boolean => to === undefined && appId === undefined

const queuedFor = (script: Script.CallScript, millis: number): Script.CallScript =>
  new Script.CallScript({
    ...script,
    phases: [
      { status: "queued", leg1Status: "queued", duration: Duration.millis(millis), parties: 0 },
      ...script.phases
    ]
  })

const callbackOf = ({ callback, to }: Connect, settings: Settings): CallbackPlan | undefined =>
  callback === undefined ? undefined : {
    ...callback,
    ...(to === undefined && settings.flowCallbacks === "extended" ? { fields: "extended" } : {}),
    copies: settings.callbackCopies,
    delay: settings.callbackDelay
  }

/** The outcome of the plan; a problem that strict mode reports when the plan has none. */
const plannedOutcome = (
  state: FakeState,
  connect: Connect,
  accountSid: string
): { readonly request: Request; readonly outcome: Outcome } => {
  const { callback: _, ...numbers } = connect
  const planned = state.connect.outcomes?.next({ ...numbers, accountSid })
  if (planned?.outcome === undefined && state.settings.strict) {
    state.unexpected.push("a connect request has no planned outcome; set connect or call onConnect")
  }
  return {
    request: planned?.request ?? { ...numbers, accountSid, attempt: 1 },
    outcome: planned?.outcome ?? answered(connect)
  }
}

export const connectCall = (state: FakeState, accountSid: string, fields: Fields, now: number): Connected | Failure => {
  const connect = readRequest(fields)
  if (typeof connect === "string") return { status: 400, message: `Missing or invalid parameter ${connect}` }
  const { placed, settings, slots, unseen } = state.connect
  const needed = connect.to === undefined ? 1 : 2
  const limit = settings.concurrentCalls?.limit ?? Infinity
  const wait = limit === Infinity ? 0 : slots.waitFor(accountSid, needed, limit, now)
  const atLimit = wait > 0 ? settings.concurrentCalls?.atLimit : undefined
  if (atLimit instanceof Rejection) return rejection(atLimit, connect)
  const { outcome, request } = plannedOutcome(state, connect, accountSid)
  if (outcome instanceof Rejection) return rejection(outcome, connect)
  const chosen = isUnplayable(connect) ? Script.failed() : atLimit === "busy" ? Script.busy() : outcome
  const script = connect.fields.get("Record") === "false"
    ? new Script.CallScript({ ...chosen, recording: false })
    : chosen
  const call: PlacedCall = {
    sid: state.nextSid(),
    accountSid,
    start: now,
    readableAt: now + Duration.toMillis(settings.readableAfter ?? Duration.zero),
    numbers: { from: connect.from, to: connect.to ?? connect.callerId, exoPhone: connect.callerId },
    script: atLimit === "queue" ? queuedFor(script, wait) : script
  }
  state.calls.set(call.sid, call)
  if (limit !== Infinity && atLimit !== "busy") slots.take(call, needed, now + (atLimit === "queue" ? wait : 0))
  const entry: Placed = { ...request, sid: call.sid, at: DateTime.unsafeMake(now) }
  placed.push(entry)
  unseen.unsafeOffer(entry)
  return { call, callback: callbackOf(connect, settings) }
}
