/**
 * In which of its many ways Exotel writes the same record. All of them occur in captured responses.
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
  /** How JSON writes an empty value. */
  readonly jsonEmpty: "null" | "empty string" | "absent"
  /** How XML writes an empty value: `<X/>`, `<X></X>`, or nothing. */
  readonly xmlEmpty: "self-closing" | "pair" | "absent"
  /** How a time that is not known is written; `empty` is as any empty value. */
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
  unsetTime: "empty",
  escapedSlashes: false,
  prettyXml: true,
  xmlErrorRoot: "TwilioResponse",
  errorCode: "number"
}

/**
 * Another way on every point: a client that reads both will hardly stumble over a mixture.
 *
 * @since 0.1.0
 * @category constants
 */
export const alternate: WireFormat = {
  numbers: "string",
  jsonEmpty: "empty string",
  xmlEmpty: "pair",
  unsetTime: "1970-01-01 05:30:00",
  escapedSlashes: true,
  prettyXml: false,
  xmlErrorRoot: "RestException",
  errorCode: "string"
}
