/**
 * Planned faults. A plan is a list of faults, each a kind of fault with the conditions under which it
 * fires; the constructors make plans of one fault, the combinators add conditions to every fault of a plan.
 *
 * The first fault whose conditions a request meets fires. A fault that never fired fails the test (see
 * `FakeExotel.verify`), unless it was left to chance or marked `optional`.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import * as Pipeable from "effect/Pipeable"

/**
 * The body of an error response.
 *
 * @since 0.1.0
 * @category models
 */
export type FaultKind =
  | { readonly _tag: "Status"; readonly status: number; readonly retryAfter: string | undefined; readonly body: Body }
  | { readonly _tag: "Refused" }
  | { readonly _tag: "Reset"; readonly at: "request" | "body" }
  | { readonly _tag: "Stalled"; readonly at: "request" | "body"; readonly duration: Duration.Duration }
  | { readonly _tag: "SlowDrip"; readonly bytes: number; readonly every: Duration.Duration }
  | { readonly _tag: "Truncated"; readonly keep: number }
  | { readonly _tag: "Huge"; readonly bytes: number }
  | { readonly _tag: "Replaced"; readonly body: string }
  | { readonly _tag: "ContentType"; readonly contentType: string }
  | { readonly _tag: "Malformed"; readonly field: string; readonly value: string }

/**
 * The body of an error's answer: Exotel's `RestException`, a gateway's web page, or nothing.
 *
 * @since 0.1.0
 * @category models
 */
export type Body = "exotel" | "html" | "empty"

/**
 * @since 0.1.0
 * @category models
 */
export interface Fault {
  /** Names it in the journal and in reports. */
  readonly name: string
  readonly kind: FaultKind
  /** Only requests about this call. */
  readonly sid?: string | undefined
  /** Only these, counted from 1 among the requests that meet the other conditions. */
  readonly requests?: ReadonlyArray<number> | undefined
  /** Only from here on, counted from when the plan was given to the fake. */
  readonly from?: Duration.Duration | undefined
  /** Only before this, counted in the same way. */
  readonly until?: Duration.Duration | undefined
  /** The probability that it fires, from 0 to 1, drawn from the fake's seed. */
  readonly probability?: number | undefined
  /** The maximum number of times that it fires. */
  readonly times?: number | undefined
  /** Whether it may remain unused without failing the test. */
  readonly optional?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export class FaultPlan extends Pipeable.Class() {
  readonly faults: ReadonlyArray<Fault>
  /** @internal */
  constructor(faults: ReadonlyArray<Fault>) {
    super()
    this.faults = faults
  }
}

/**
 * Nothing goes wrong.
 *
 * @since 0.1.0
 * @category constants
 */
export const none: FaultPlan = new FaultPlan([])

const one = (name: string, kind: FaultKind): FaultPlan => new FaultPlan([{ name, kind }])

/**
 * An answer with this status in place of the real one. `retryAfter` is a duration, sent in whole seconds, or a string
 * that is sent as it is, such as a date or garbage.
 *
 * @since 0.1.0
 * @category constructors
 */
export const status = (
  status: number,
  options: { readonly retryAfter?: Duration.Duration | string | undefined; readonly body?: Body | undefined } = {}
): FaultPlan =>
  one(`status ${status}`, {
    _tag: "Status",
    status,
    retryAfter: Duration.isDuration(options.retryAfter)
      ? String(Math.ceil(Duration.toSeconds(options.retryAfter)))
      : options.retryAfter,
    body: options.body ?? "exotel"
  })

/**
 * The connection is refused. A loopback server, which has accepted it by then, resets it instead.
 *
 * @since 0.1.0
 * @category constructors
 */
export const refused: FaultPlan = one("connection refused", { _tag: "Refused" })

/**
 * The connection breaks before an answer, or with `"body"` in the middle of one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const reset = (at: "request" | "body" = "request"): FaultPlan =>
  one(at === "body" ? "reset in the middle of the body" : "connection reset", { _tag: "Reset", at })

/**
 * Nothing comes for so long (for ever by default), then the answer goes on: before its beginning, or with `"body"` in
 * its middle. The time passes on the clock.
 *
 * @since 0.1.0
 * @category constructors
 */
export const stalled = (
  options: { readonly duration?: Duration.DurationInput | undefined; readonly at?: "request" | "body" | undefined } = {}
): FaultPlan => {
  const duration = Duration.decode(options.duration ?? Duration.infinity)
  const at = options.at ?? "request"
  const where = at === "body" ? " in the middle of the body" : ""
  return one(
    Duration.isFinite(duration) ? `stalled for ${Duration.format(duration)}${where}` : `stalled${where}`,
    { _tag: "Stalled", at, duration }
  )
}

/**
 * The body comes in small pieces: by default 16 bytes a second.
 *
 * @since 0.1.0
 * @category constructors
 */
export const slowBody = (
  options: { readonly bytes?: number | undefined; readonly every?: Duration.DurationInput | undefined } = {}
): FaultPlan =>
  one("slow drip", {
    _tag: "SlowDrip",
    bytes: Math.max(1, Math.trunc(options.bytes ?? 16)),
    every: Duration.decode(options.every ?? "1 second")
  })

/**
 * The body ends early, as if it were whole. `keep` is the part that comes, from 0 to 1. Default: 0.5.
 *
 * @since 0.1.0
 * @category constructors
 */
export const truncated = (keep: number = 0.5): FaultPlan => one("truncated body", { _tag: "Truncated", keep })

/**
 * A body of so many bytes, without a `Content-Length`. Default: 16 MiB.
 *
 * @since 0.1.0
 * @category constructors
 */
export const hugeBody = (bytes: number = 16 * 1024 * 1024): FaultPlan => one("huge body", { _tag: "Huge", bytes })

/**
 * Status 200 with this body in place of the call.
 *
 * @since 0.1.0
 * @category constructors
 */
export const body = (body: string): FaultPlan => one("another body", { _tag: "Replaced", body })

/**
 * Status 200 with bytes that are neither JSON nor XML.
 *
 * @since 0.1.0
 * @category constructors
 */
export const garbage: FaultPlan = one("garbage", {
  _tag: "Replaced",
  body: "\u0000\u0001\ufffd%PDF-1.4 0xdeadbeef \u0007"
})

/**
 * Status 200 with a gateway's web page.
 *
 * @since 0.1.0
 * @category constructors
 */
export const html: FaultPlan = one("web page", {
  _tag: "Replaced",
  body:
    "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
})

/**
 * The right answer under another content type.
 *
 * @since 0.1.0
 * @category constructors
 */
export const contentType = (contentType: string): FaultPlan =>
  one(`content type ${contentType}`, { _tag: "ContentType", contentType })

/**
 * Replaces the value of one field of the record, for example `Duration` by the word `soon`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const malformed = (field: string, value: string): FaultPlan =>
  one(`malformed ${field}`, { _tag: "Malformed", field, value })

const mapFaults = (self: FaultPlan, change: (fault: Fault) => Fault): FaultPlan =>
  new FaultPlan(self.faults.map(change))

/**
 * Combines plans; of two faults that could fire for a request, the one listed first does.
 *
 * @since 0.1.0
 * @category combinators
 */
export const all = (...plans: ReadonlyArray<FaultPlan>): FaultPlan =>
  new FaultPlan(plans.flatMap((plan) => plan.faults))

/**
 * Only requests about this call.
 *
 * @since 0.1.0
 * @category combinators
 */
export const forCall: {
  (sid: string): (self: FaultPlan) => FaultPlan
  (self: FaultPlan, sid: string): FaultPlan
} = dual(2, (self: FaultPlan, sid: string) => mapFaults(self, (fault) => ({ ...fault, sid })))

/**
 * Only the n-th request, or several, counted from 1 among those that meet the other conditions.
 *
 * @example
 * ```ts
 * import { FaultPlan } from "@effect-exotel/testing"
 *
 * // The second and the third read of whatever call are answered 503.
 * const outage = FaultPlan.status(503).pipe(FaultPlan.onRequest(2, 3))
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const onRequest = (...requests: ReadonlyArray<number>) => (self: FaultPlan): FaultPlan =>
  mapFaults(self, (fault) => ({ ...fault, requests }))

/**
 * Only from `from` to before `until`, counted from when the plan is given to the fake.
 *
 * @since 0.1.0
 * @category combinators
 */
export const between: {
  (from: Duration.DurationInput, until: Duration.DurationInput): (self: FaultPlan) => FaultPlan
  (self: FaultPlan, from: Duration.DurationInput, until: Duration.DurationInput): FaultPlan
} = dual(
  3,
  (self: FaultPlan, from: Duration.DurationInput, until: Duration.DurationInput) =>
    mapFaults(self, (fault) => ({ ...fault, from: Duration.decode(from), until: Duration.decode(until) }))
)

/**
 * With this probability, from 0 to 1, drawn from the fake's seed. Such a fault may remain unused.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withProbability: {
  (probability: number): (self: FaultPlan) => FaultPlan
  (self: FaultPlan, probability: number): FaultPlan
} = dual(2, (self: FaultPlan, probability: number) => mapFaults(self, (fault) => ({ ...fault, probability })))

/**
 * At most so many times.
 *
 * @since 0.1.0
 * @category combinators
 */
export const times: {
  (times: number): (self: FaultPlan) => FaultPlan
  (self: FaultPlan, times: number): FaultPlan
} = dual(2, (self: FaultPlan, times: number) => mapFaults(self, (fault) => ({ ...fault, times })))

/**
 * Lets the faults remain unused without failing the test.
 *
 * @since 0.1.0
 * @category combinators
 */
export const optional = (self: FaultPlan): FaultPlan => mapFaults(self, (fault) => ({ ...fault, optional: true }))

/**
 * The words for a fault in reports: `status 503 on requests 2, 3 of call abc`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const describe = (fault: Fault): string => {
  const { probability, from, name, requests, sid, until } = fault
  const nth = requests === undefined ? "" : ` on request${requests.length === 1 ? "" : "s"} ${requests.join(", ")}`
  const of = sid === undefined ? "" : `${nth === "" ? " for" : " of"} call ${sid}`
  const window = from === undefined || until === undefined
    ? ""
    : ` between ${Duration.format(from)} and ${Duration.format(until)}`
  return `${name}${nth}${of}${window}${probability === undefined ? "" : ` with chance ${probability}`}`
}
