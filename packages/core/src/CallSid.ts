/**
 * The identifier of one call.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A call's sid: one or more letters and digits. Today's sids are 32 characters of `[0-9a-z]` and not hexadecimal;
 * Exotel promises only "an alpha-numeric unique identifier" (call-details page), so no length is enforced.
 *
 * Other characters are refused, so a sid cannot lead a request to another path.
 *
 * @since 0.1.0
 * @category models
 */
export const CallSid = Schema.String.pipe(
  Schema.pattern(/^[0-9A-Za-z]+$/),
  Schema.brand("@effect-exotel/core/CallSid")
).annotations({
  identifier: "CallSid",
  // Fixed words: the refused value could be a phone number.
  message: () => "A call sid is made of letters and digits only"
})

/**
 * @since 0.1.0
 * @category models
 */
export type CallSid = typeof CallSid.Type

/**
 * Returns whether the value can be a call's sid.
 *
 * @since 0.1.0
 * @category guards
 */
export const isCallSid: (value: unknown) => value is CallSid = Schema.is(CallSid)
