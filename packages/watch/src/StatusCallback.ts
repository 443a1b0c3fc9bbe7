/**
 * Exotel's status callbacks: what it posts when a call is answered or has ended.
 *
 * Callbacks are not signed, may be lost, and may come late or twice. So a callback is a hint to look and never the truth:
 * the route feeds `CallWatch.offer`, and what a watch tells comes from a read of its own.
 *
 * @since 0.1.0
 */
import { CallSid, isCallSid } from "@effect-exotel/core/CallSid"
import * as CallStatus from "@effect-exotel/core/CallStatus"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { CallWatch } from "./CallWatch.ts"
import type { Fields } from "./internal/callbackBody.ts"
import { readFields, secondsOf, textOf } from "./internal/callbackBody.ts"

const absent = <A, I>(schema: Schema.Schema<A, I>) => Schema.OptionFromNullOr(schema)

/**
 * What a callback says of one leg.
 *
 * @since 0.1.0
 * @category models
 */
export class CallbackLeg extends Schema.Class<CallbackLeg>("@effect-exotel/watch/CallbackLeg")({
  status: absent(CallStatus.LegStatus),
  onCallDuration: absent(Schema.DurationFromMillis),
  answeredBy: absent(Schema.String)
}) {}

/**
 * A callback, as somebody posted it (Exotel's StatusCallback page). Good for what only a callback brings, `customField`
 * above all; for the state of the call, read the call. Times are left out: the read has them.
 *
 * @since 0.1.0
 * @category models
 */
export class StatusCallback extends Schema.Class<StatusCallback>("@effect-exotel/watch/StatusCallback")({
  sid: CallSid,
  /** `terminal` or `answered`; absent on callbacks without `StatusCallbackEvents`. */
  eventType: absent(Schema.String),
  status: absent(CallStatus.CallStatus),
  direction: absent(CallStatus.Direction),
  /** What the program that placed the call gave along with it. */
  customField: absent(Schema.String),
  conversationDuration: absent(Schema.DurationFromMillis),
  legs: Schema.Array(CallbackLeg)
}) {}

/**
 * The body is no callback. Holds nothing of it.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidCallback extends Schema.TaggedError<InvalidCallback>("@effect-exotel/watch/InvalidCallback")(
  "InvalidCallback",
  { reason: Schema.Literal("TooLarge", "TooSlow", "Malformed", "NoSid") }
) {
  override get message(): string {
    return {
      TooLarge: "The callback's body is larger than allowed.",
      TooSlow: "The callback's body did not arrive in time.",
      Malformed: "The callback's body is no form, no multipart form and no JSON object.",
      NoSid: "The callback names no call: CallSid is missing or no sid."
    }[this.reason]
  }
}

const toCallback = (fields: Fields): Effect.Effect<StatusCallback, InvalidCallback> => {
  const sid = fields.values["CallSid"]
  return typeof sid === "string" && isCallSid(sid)
    ? Effect.succeed(
      new StatusCallback({
        sid,
        eventType: textOf(fields.values, "EventType"),
        // Pass-through applets say CallStatus.
        status: textOf(fields.values, "Status", "CallStatus"),
        direction: textOf(fields.values, "Direction"),
        customField: textOf(fields.values, "CustomField"),
        conversationDuration: secondsOf(fields.values, "ConversationDuration"),
        legs: fields.legs.map((leg) =>
          new CallbackLeg({
            status: textOf(leg, "Status"),
            onCallDuration: secondsOf(leg, "OnCallDuration"),
            answeredBy: textOf(leg, "AnsweredBy")
          }, { disableValidation: true })
        )
      }, { disableValidation: true })
    )
    : Effect.fail(new InvalidCallback({ reason: "NoSid" }))
}

/**
 * Decodes a callback's body: multipart (Exotel's default), form or JSON, told apart by the content type and the content.
 * For servers that are not Effect's; for those, see {@link app}.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (request: {
  readonly contentType: string
  readonly body: Uint8Array
}): Effect.Effect<StatusCallback, InvalidCallback> =>
  readFields(request.contentType, request.body).pipe(
    Effect.mapError(() => new InvalidCallback({ reason: "Malformed" })),
    Effect.flatMap(toCallback)
  )

/**
 * Settings of the route.
 *
 * @since 0.1.0
 * @category models
 */
export interface RouteOptions {
  /** If given, the last segment of the path must be this, or the answer is 404. Choose 16 random letters or more. */
  readonly secret?: Redacted.Redacted | undefined
  /** The longest body that is read, in bytes. Default: 64 KiB. */
  readonly maxBodyBytes?: number | undefined
  /** How long a body may take to arrive before the connection is given up. Default: 10 seconds. */
  readonly timeout?: Duration.DurationInput | undefined
  /** Told of each callback that could be decoded, after the hint was given; for `customField`, say. */
  readonly onCallback?: ((callback: StatusCallback) => Effect.Effect<void>) | undefined
}

/** Takes as long for a wrong secret as for the right one, whatever they have in common. */
const isSame = (given: string, secret: string): boolean => {
  const a = new TextEncoder().encode(given)
  const b = new TextEncoder().encode(secret)
  let difference = a.length ^ b.length
  for (let i = 0; i < b.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return difference === 0
}

const lastSegment = (url: string): string => {
  const path = url.split(/[?#]/, 1)[0] ?? ""
  return path.slice(path.lastIndexOf("/") + 1)
}

/**
 * The body, if it is not too large. One that declares its length is refused unread; the rest of another is read over, for
 * a server that stops reading can give no answer any more.
 */
const readBody = (
  request: HttpServerRequest.HttpServerRequest,
  maxBytes: number
): Effect.Effect<Uint8Array, InvalidCallback> =>
  Effect.suspend(() => {
    const tooLarge = new InvalidCallback({ reason: "TooLarge" })
    if (Number(request.headers["content-length"] ?? 0) > maxBytes) return tooLarge
    const chunks: Array<Uint8Array<ArrayBuffer>> = []
    let size = 0
    return request.stream.pipe(
      Stream.mapError(() => new InvalidCallback({ reason: "Malformed" })),
      Stream.runForEach((chunk) =>
        Effect.sync(() => {
          size += chunk.length
          if (size <= maxBytes) chunks.push(new Uint8Array(chunk))
        })
      ),
      Effect.flatMap(() => size > maxBytes ? tooLarge : Effect.promise(() => new Blob(chunks).arrayBuffer())),
      Effect.map((whole) => new Uint8Array(whole))
    )
  })

const statuses = { TooLarge: 413, TooSlow: 408, Malformed: 400, NoSid: 400 }

const refused = (error: InvalidCallback) => HttpServerResponse.text(error.message, { status: statuses[error.reason] })

/**
 * The route that Exotel's `StatusCallback` URL should lead to, as an `HttpApp`. It answers 204 to every callback that it
 * can decode, whether or not somebody watches the call, so that nobody can find out which calls there are.
 *
 * The secret is part of the path. This route keeps it out of `HttpMiddleware.logger`'s lines; keep it out of the server's
 * spans with `HttpMiddleware.withTracerDisabledWhen`, and out of your proxy's logs.
 *
 * @example
 * ```ts
 * import { StatusCallback } from "@effect-exotel/watch"
 * import { HttpRouter } from "@effect/platform"
 * import { Redacted } from "effect"
 *
 * // StatusCallback=https://example.com/exotel/status/<secret>
 * const router = HttpRouter.empty.pipe(
 *   HttpRouter.post("/exotel/status/:secret", StatusCallback.app({ secret: Redacted.make("…") }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category routes
 */
export const app = (options: RouteOptions = {}): HttpApp.Default<never, CallWatch> =>
  Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    const { secret } = options
    if (secret !== undefined && !isSame(lastSegment(request.originalUrl), encodeURIComponent(Redacted.value(secret)))) {
      return HttpServerResponse.empty({ status: 404 })
    }
    if (request.method !== "POST") return HttpServerResponse.empty({ status: 405, headers: { allow: "POST" } })
    const body = yield* readBody(request, options.maxBodyBytes ?? 64 * 1024).pipe(
      Effect.timeoutFail({
        duration: options.timeout ?? "10 seconds",
        onTimeout: () => new InvalidCallback({ reason: "TooSlow" })
      })
    )
    const callback = yield* decode({ contentType: request.headers["content-type"] ?? "", body })
    const watch = yield* CallWatch
    yield* watch.hint(callback.sid)
    if (options.onCallback !== undefined) yield* options.onCallback(callback)
    return HttpServerResponse.empty({ status: 204 })
  }).pipe(
    Effect.catchTag("InvalidCallback", (error) => Effect.succeed(refused(error))),
    // It would log the path, and with it the secret.
    HttpMiddleware.withLoggerDisabled
  )
