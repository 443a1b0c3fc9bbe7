/**
 * The request that places a call: two numbers, or one number and a call flow (Exotel's outgoing-call page).
 *
 * Printing or logging a request hides its numbers, custom field and URLs; `Schema.encode(ConnectRequest)` keeps them, to
 * store a request or to send it to another process. Encoded durations are milliseconds.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { printWithoutPersonalData } from "./internal/redact/printable.ts"

/** The text of an issue. Never shows the refused value. */
const must = (rule: string) => ({ message: () => ({ message: `must be ${rule}`, override: true }) })

const phoneNumber = /^\+?\d{3,15}$/

const PhoneNumber = Schema.String.pipe(
  Schema.pattern(phoneNumber, must("a phone number: 3 to 15 digits, with or without a leading +"))
)

const PhoneNumberOrSip = Schema.String.pipe(
  Schema.filter(
    (text) => phoneNumber.test(text) || /^sips?:[^\s@,;]+@[^\s@,;]+$/i.test(text),
    must("a phone number of 3 to 15 digits, with or without a leading +, or a SIP URI such as sip:user@host")
  )
)

const isWebUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)

const WebUrl = Schema.String.pipe(Schema.filter(isWebUrl, must("an http or https URL")))

const seconds = (most: number, rule: string) =>
  Schema.DurationFromMillis.pipe(Schema.filter(
    (duration) => {
      const seconds = Duration.toSeconds(duration)
      return Number.isInteger(seconds) && seconds >= 1 && seconds <= most
    },
    must(rule)
  ))

/**
 * Whether the call is recorded, and how. Exotel's pages disagree on its own default, so the choice is always sent.
 *
 * @since 0.1.0
 * @category models
 */
export const Recording = Schema.Union(
  Schema.Literal(false),
  Schema.Struct({
    /** `single` mixes both parties; `dual` has a channel for each. Default: `single`. */
    channels: Schema.optional(Schema.Literal("single", "dual")),
    /** `mp3-hq` has the higher quality. Default: `mp3`. */
    format: Schema.optional(Schema.Literal("mp3", "mp3-hq"))
  })
).annotations(must("false, or channels of \"single\" or \"dual\" and a format of \"mp3\" or \"mp3-hq\""))

/**
 * @since 0.1.0
 * @category models
 */
export type Recording = typeof Recording.Type

const statusCallback = {
  /**
   * Receives the callbacks: an `http` or `https` URL that Exotel can reach from the internet. May contain a secret, which
   * {@link Redacted} hides.
   */
  url: Schema.Redacted(WebUrl).annotations(must("an http or https URL")),
  /**
   * `answered` is posted when a leg is picked up, `terminal` when the call has ended. Only with `terminal` does a callback
   * bring the `customField`. Default: `terminal`.
   */
  events: Schema.optional(
    Schema.NonEmptyArray(Schema.Literal("terminal", "answered")).annotations(
      must("a list of \"terminal\", \"answered\" or both")
    )
  )
}

const options = {
  /**
   * The party that is called first. **Never the ExoPhone**, which would call itself. Prefer E.164 (`+918012345678`);
   * otherwise Exotel guesses the country, and landlines need their STD code.
   */
  from: PhoneNumberOrSip,
  /** The ExoPhone that both parties see, usually in its national form (`08047123456`). */
  callerId: PhoneNumber,
  /** The longest call: 1 second to 4 hours in whole seconds. Exotel's default is not documented. */
  timeLimit: Schema.optional(seconds(14_400, "1 second to 4 hours, in whole seconds")),
  /** How long each party's phone rings: 1 to 60 seconds (regulation), in whole seconds. Exotel's default: 30 s. */
  ringTimeout: Schema.optional(seconds(60, "1 to 60 seconds, in whole seconds")),
  /** Default: `false`. */
  recording: Schema.optional(Recording),
  /**
   * Identifies the call in your own system: 1 to 128 characters. It returns in the terminal callback and in the applets of
   * a flow, but not in the call's record.
   */
  customField: Schema.optional(Schema.String.pipe(
    Schema.filter((text) => text.length >= 1 && text.length <= 128, must("1 to 128 characters long"))
  ))
}

class Base extends Schema.Class<Base>("@effect-exotel/core/ConnectRequest")(options) {
  static {
    printWithoutPersonalData(this.prototype)
  }
}

/**
 * Calls `from`, then connects it to `to`. Made by {@link twoNumbers}.
 *
 * @since 0.1.0
 * @category models
 */
export class TwoNumbers extends Base.extend<TwoNumbers>("@effect-exotel/core/ConnectRequest/TwoNumbers")({
  _tag: Schema.tag("TwoNumbers"),
  /** The party that is called second. No SIP URI. */
  to: PhoneNumber,
  /** A WAV file of less than 2 MB that `from` hears while `to` is called. Exotel caches it by its URL. */
  waitUrl: Schema.optional(WebUrl),
  /** An audio file that is played when `to` has answered, to `to` alone (`callee`) or to both parties. */
  startPlayback: Schema.optional(Schema.Struct({
    to: Schema.optional(Schema.Literal("callee", "both").annotations(must("\"callee\" or \"both\""))),
    url: WebUrl
  })),
  /**
   * How often Exotel itself calls `from` again within this call after no answer or a failure. One support article states a
   * default of 3; newer pages omit the field, so its effect is uncertain. Not sent unless given.
   */
  maxRetries: Schema.optional(
    Schema.Number.pipe(Schema.filter((n) => Number.isInteger(n) && n >= 0 && n <= 3, must("0, 1, 2 or 3")))
  ),
  statusCallback: Schema.optional(Schema.Struct({
    ...statusCallback,
    /** Default: that of Exotel, `multipart/form-data`. */
    contentType: Schema.optional(
      Schema.Literal("multipart/form-data", "application/json").annotations(
        must("\"multipart/form-data\" or \"application/json\"")
      )
    )
  }))
}) {
  override toString(): string {
    return "ConnectRequest.TwoNumbers"
  }
}

/**
 * Calls `from`, then connects it to a call flow. Made by {@link flow}.
 *
 * @since 0.1.0
 * @category models
 */
export class Flow extends Base.extend<Flow>("@effect-exotel/core/ConnectRequest/Flow")({
  _tag: Schema.tag("Flow"),
  /** The id of the flow, as the URL of its editor in Exotel's dashboard shows it. */
  appId: Schema.String.pipe(Schema.pattern(/^[0-9A-Za-z]+$/, must("letters and digits only"))),
  /**
   * Exotel documents the fields of the extended callback, `customField` among them, for calls between two numbers only. The
   * content type of a flow's callbacks cannot be chosen.
   */
  statusCallback: Schema.optional(Schema.Struct(statusCallback))
}) {
  override toString(): string {
    return "ConnectRequest.Flow"
  }
}

/**
 * @since 0.1.0
 * @category models
 */
export const ConnectRequest = Schema.Union(TwoNumbers, Flow)

/**
 * @since 0.1.0
 * @category models
 */
export type ConnectRequest = TwoNumbers | Flow

/** The fields of a request; durations and the URL of the callback in any form. */
type Input<A extends { readonly statusCallback?: { readonly url: Redacted.Redacted } | undefined }> =
  & Omit<A, "_tag" | "timeLimit" | "ringTimeout" | "statusCallback">
  & {
    readonly timeLimit?: Duration.DurationInput | undefined
    readonly ringTimeout?: Duration.DurationInput | undefined
    readonly statusCallback?:
      | Omit<Exclude<A["statusCallback"], undefined>, "url"> & { readonly url: string | URL | Redacted.Redacted }
      | undefined
  }

/**
 * The fields of {@link TwoNumbers}, with durations such as `"30 seconds"`.
 *
 * @since 0.1.0
 * @category models
 */
export type TwoNumbersInput = Input<Schema.Struct.Constructor<typeof TwoNumbers.fields>>

/**
 * The fields of {@link Flow}, with durations such as `"30 seconds"`.
 *
 * @since 0.1.0
 * @category models
 */
export type FlowInput = Input<Schema.Struct.Constructor<typeof Flow.fields>>

const toFields = <A extends TwoNumbersInput | FlowInput>({ ringTimeout, statusCallback, timeLimit, ...fields }: A) => ({
  ...fields,
  ...toDuration("timeLimit", timeLimit),
  ...toDuration("ringTimeout", ringTimeout),
  ...(statusCallback === undefined ? {} : {
    statusCallback: {
      ...statusCallback,
      url: Redacted.isRedacted(statusCallback.url) ? statusCallback.url : Redacted.make(String(statusCallback.url))
    }
  })
})

/** An input that is no duration becomes one that `connect` refuses. */
const toDuration = (name: "timeLimit" | "ringTimeout", input: Duration.DurationInput | undefined) =>
  input === undefined ? {} : { [name]: Option.getOrElse(Duration.decodeUnknown(input), () => Duration.zero) }

/**
 * Calls `from`, then connects it to `to`. The fields are not checked here: `ExotelCalls.connect` fails with an
 * `InvalidRequest` that names an invalid field.
 *
 * @example
 * ```ts
 * import { ConnectRequest } from "@effect-exotel/core"
 *
 * const request = ConnectRequest.twoNumbers({
 *   from: "+918012345678",
 *   to: "+918087654321",
 *   callerId: "08047123456",
 *   ringTimeout: "30 seconds",
 *   customField: "order 17",
 *   statusCallback: { url: "https://example.com/exotel/status", events: ["answered", "terminal"] }
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const twoNumbers = (fields: TwoNumbersInput): TwoNumbers =>
  new TwoNumbers(toFields(fields), { disableValidation: true })

/**
 * Calls `from`, then connects it to the call flow `appId`. The fields are not checked here: `ExotelCalls.connect` fails
 * with an `InvalidRequest` that names an invalid field.
 *
 * @example
 * ```ts
 * import { ConnectRequest } from "@effect-exotel/core"
 *
 * const request = ConnectRequest.flow({ from: "+918012345678", callerId: "08047123456", appId: "29281" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const flow = (fields: FlowInput): Flow => new Flow(toFields(fields), { disableValidation: true })
