/**
 * The identifier of an Exotel account.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * An account's sid: a slug of letters, digits, `-` and `_`, such as `acme1m`. It is part of every path of the API.
 *
 * @since 0.1.0
 * @category models
 */
export const AccountSid = Schema.String.pipe(
  Schema.pattern(/^[0-9A-Za-z_-]+$/),
  Schema.brand("@effect-exotel/core/AccountSid")
).annotations({
  identifier: "AccountSid",
  message: () => "An account sid is made of letters, digits, - and _ only"
})

/**
 * @since 0.1.0
 * @category models
 */
export type AccountSid = typeof AccountSid.Type

/**
 * Returns whether the value can be an account's sid.
 *
 * @since 0.1.0
 * @category guards
 */
export const isAccountSid: (value: unknown) => value is AccountSid = Schema.is(AccountSid)
