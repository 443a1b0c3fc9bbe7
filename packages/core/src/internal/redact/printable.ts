/** Converts a call, or the request that places one, to the form that logs show: plain values, without personal data. */
import * as BigDecimal from "effect/BigDecimal"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import { NodeInspectSymbol, symbolRedactable } from "effect/Inspectable"
import * as Option from "effect/Option"

/** Fields with a phone number, a name, a reference of the caller's own, or a URL that opens a recording or holds a secret. */
const personal: ReadonlySet<string> = new Set([
  "to",
  "from",
  "exoPhone",
  "forwardedFrom",
  "callerName",
  "recordingUrl",
  "preSignedRecordingUrl",
  "callerId",
  "customField",
  "waitUrl",
  "url"
])

const plain = (value: unknown): unknown => {
  if (DateTime.isDateTime(value)) return DateTime.isZoned(value) ? DateTime.formatIsoOffset(value) : String(value)
  if (Duration.isDuration(value)) return Duration.format(value)
  if (BigDecimal.isBigDecimal(value)) return BigDecimal.format(value)
  if (Array.isArray(value)) return value.map(plain)
  return typeof value === "object" && value !== null ? printable(value) : value
}

/** Omits absent fields. */
const printable = (record: object): Record<string, unknown> => {
  const out: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(record)) {
    const known: unknown = Option.isOption(value) ? Option.getOrUndefined(value) : value
    if (known !== undefined) out[name] = personal.has(name) ? "<redacted>" : plain(known)
  }
  return out
}

/**
 * Gives the instances of a class the form that Effect's loggers, `JSON.stringify` and the console of Node print. To store
 * or send an instance, encode it.
 */
export const printWithoutPersonalData = (prototype: object): void => {
  for (const method of [symbolRedactable, "toJSON", NodeInspectSymbol]) {
    Object.defineProperty(prototype, method, {
      configurable: true,
      writable: true,
      value(this: object) {
        return printable(this)
      }
    })
  }
}
