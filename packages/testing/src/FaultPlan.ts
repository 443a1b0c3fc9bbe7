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
import type { Body, Fault, Operation } from "./internal/fault/fault.ts"

export { describe, nameOf } from "./internal/fault/describe.ts"
export { Body, Fault, Operation } from "./internal/fault/fault.ts"

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
 * A plan of these faults.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (faults: Iterable<Fault>): FaultPlan => new FaultPlan([...faults])

/**
 * No faults.
 *
 * @since 0.1.0
 * @category constants
 */
export const none: FaultPlan = make([])

/**
 * A response with this status in place of the real one. `retryAfter` is a duration, sent in whole seconds, or a string
 * that is sent as it is, such as a date or garbage.
 *
 * @since 0.1.0
 * @category constructors
 */
export const status = (
  status: number,
  options: { readonly retryAfter?: Duration.Duration | string | undefined; readonly body?: Body | undefined } = {}
): FaultPlan => {
  const retryAfter = Duration.isDuration(options.retryAfter)
    ? String(Math.ceil(Duration.toSeconds(options.retryAfter)))
    : options.retryAfter
  return make([{
    kind: "status",
    status,
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(options.body === undefined ? {} : { body: options.body })
  }])
}

/**
 * The connection is refused. A loopback server, which has accepted it by then, resets it instead.
 *
 * @since 0.1.0
 * @category constructors
 */
export const refused: FaultPlan = make([{ kind: "refused" }])

/**
 * The connection breaks before a response, or with `"body"` in the middle of one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const reset = (at: "request" | "body" = "request"): FaultPlan => make([{ kind: "reset", at }])

/**
 * Nothing arrives for this long (for ever by default), then the response continues: before its beginning, or with
 * `"body"` in its middle. The time passes on the clock.
 *
 * @since 0.1.0
 * @category constructors
 */
export const stalled = (
  options: { readonly duration?: Duration.DurationInput | undefined; readonly at?: "request" | "body" | undefined } = {}
): FaultPlan =>
  make([{
    kind: "stalled",
    at: options.at ?? "request",
    duration: Duration.decode(options.duration ?? Duration.infinity)
  }])

/**
 * The body arrives in small pieces: by default 16 bytes a second.
 *
 * @since 0.1.0
 * @category constructors
 */
export const slowBody = (
  options: { readonly bytes?: number | undefined; readonly every?: Duration.DurationInput | undefined } = {}
): FaultPlan =>
  make([{
    kind: "slowBody",
    bytes: Math.max(1, Math.trunc(options.bytes ?? 16)),
    every: Duration.decode(options.every ?? "1 second")
  }])

/**
 * The body ends early, as if it were whole. `keep` is the part that arrives, from 0 to 1. Default: 0.5.
 *
 * @since 0.1.0
 * @category constructors
 */
export const truncated = (keep: number = 0.5): FaultPlan => make([{ kind: "truncated", keep }])

/**
 * A body of this many bytes, without a `Content-Length`. Default: 16 MiB.
 *
 * @since 0.1.0
 * @category constructors
 */
export const hugeBody = (bytes: number = 16 * 1024 * 1024): FaultPlan => make([{ kind: "hugeBody", bytes }])

/**
 * Status 200 with this body in place of the call.
 *
 * @since 0.1.0
 * @category constructors
 */
export const body = (body: string): FaultPlan => make([{ kind: "body", body }])

/**
 * Status 200 with bytes that are neither JSON nor XML.
 *
 * @since 0.1.0
 * @category constructors
 */
export const garbage: FaultPlan = make([{ kind: "garbage" }])

/**
 * Status 200 with a gateway's web page.
 *
 * @since 0.1.0
 * @category constructors
 */
export const html: FaultPlan = make([{ kind: "html" }])

/**
 * The right response under another content type.
 *
 * @since 0.1.0
 * @category constructors
 */
export const contentType = (contentType: string): FaultPlan => make([{ kind: "contentType", contentType }])

/**
 * Replaces the value of one field of the record, for example `Duration` by the word `soon`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const malformed = (field: string, value: string): FaultPlan => make([{ kind: "malformed", field, value }])

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
} = dual(2, (self: FaultPlan, sid: string) => mapFaults(self, (fault) => ({ ...fault, forCall: sid })))

/**
 * Only requests of this kind.
 *
 * @since 0.1.0
 * @category combinators
 */
export const forOperation: {
  (operation: Operation): (self: FaultPlan) => FaultPlan
  (self: FaultPlan, operation: Operation): FaultPlan
} = dual(2, (self: FaultPlan, operation: Operation) => mapFaults(self, (fault) => ({ ...fault, operation })))

/**
 * Whether a connect request with the fault places its call: `true` for a fault of the response, `false` for one before
 * the call is placed. The default is `true`, except for `refused` and for a 4xx other than 408.
 *
 * @example
 * ```ts
 * import { FaultPlan } from "@effect-exotel/testing"
 *
 * const lostResponse = FaultPlan.reset().pipe(FaultPlan.forOperation("connect"))
 * const lostRequest = lostResponse.pipe(FaultPlan.placesCall(false))
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const placesCall: {
  (placesCall: boolean): (self: FaultPlan) => FaultPlan
  (self: FaultPlan, placesCall: boolean): FaultPlan
} = dual(2, (self: FaultPlan, placesCall: boolean) => mapFaults(self, (fault) => ({ ...fault, placesCall })))

/**
 * Only the n-th request, or several, counted from 1 among those that meet the other conditions.
 *
 * @example
 * ```ts
 * import { FaultPlan } from "@effect-exotel/testing"
 *
 * // The second and the third read, of any call, are answered with 503.
 * const outage = FaultPlan.status(503).pipe(FaultPlan.onRequest(2, 3))
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const onRequest = (...requests: ReadonlyArray<number>) => (self: FaultPlan): FaultPlan =>
  mapFaults(self, (fault) => ({ ...fault, onRequest: requests }))

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
    mapFaults(self, (fault) => ({ ...fault, between: [Duration.decode(from), Duration.decode(until)] }))
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
