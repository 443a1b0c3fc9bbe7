/**
 * The ways in which Exotel writes the same record. All of them occur in captured responses or production clients.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 * @category models
 */
export interface WireFormat {
  /** How JSON writes durations, prices and leg ids. */
  readonly numbers: "number" | "string"
  /** How JSON writes an empty value. `null text` is the text `"null"`, which occurs where a value is meant to be empty. */
  readonly jsonEmpty: "null" | "empty string" | "absent" | "null text"
  /** How XML writes an empty value: `<X/>`, `<X></X>`, nothing, or `<X>null</X>`. */
  readonly xmlEmpty: "self-closing" | "pair" | "absent" | "null text"
  /** Whether the `Status` of an ended call is written or empty. One production source has ended calls without a status. */
  readonly endedStatus: "present" | "empty"
  /** The form of an unknown time; `empty` is that of any empty value. */
  readonly unsetTime: "empty" | "1970-01-01 05:30:00" | "0001-01-01T00:00:00Z" | "0000-00-00 00:00:00"
  /** Whether JSON writes `\/` for `/`. */
  readonly escapedSlashes: boolean
  /** Whether XML begins with its declaration and is indented. */
  readonly prettyXml: boolean
  /** Where an XML error stands: inside of `TwilioResponse`, or as the root. */
  readonly xmlErrorRoot: "TwilioResponse" | "RestException"
  /** How the number of an error's `Code` is written, if at all. */
  readonly errorCode: "number" | "string" | "absent"
}

/**
 * JSON numbers, `null`, `<X/>`, plain slashes: what the documentation's samples show.
 *
 * @since 0.1.0
 * @category constants
 */
export const standard: WireFormat = {
  numbers: "number",
  jsonEmpty: "null",
  xmlEmpty: "self-closing",
  endedStatus: "present",
  unsetTime: "empty",
  escapedSlashes: false,
  prettyXml: true,
  xmlErrorRoot: "TwilioResponse",
  errorCode: "number"
}

/**
 * Differs from `standard` on every point except the status of ended calls, which changes the meaning of a record.
 *
 * @since 0.1.0
 * @category constants
 */
export const alternate: WireFormat = {
  numbers: "string",
  jsonEmpty: "empty string",
  xmlEmpty: "pair",
  endedStatus: "present",
  unsetTime: "1970-01-01 05:30:00",
  escapedSlashes: true,
  prettyXml: false,
  xmlErrorRoot: "RestException",
  errorCode: "string"
}
