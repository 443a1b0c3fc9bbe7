/** Reads the fields of a callback from a body in any of its three content types. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

export type Values = Readonly<Record<string, unknown>>

export interface Fields {
  readonly values: Values
  readonly legs: ReadonlyArray<Values>
}

type Reason = "Malformed" | "DuplicateSid"

/** More legs than any call has; a form may name a far larger index. */
const MAX_LEGS = 16

/** The first of these fields that has a value. An empty text, null and the text `null` are no values. */
export const textFrom = (values: Values, ...names: ReadonlyArray<string>): Option.Option<string> => {
  for (const name of names) {
    const value = values[name]
    const text = typeof value === "string" || typeof value === "number" ? String(value).trim() : ""
    if (text !== "" && text !== "null") return Option.some(text)
  }
  return Option.none()
}

export const secondsFrom = (values: Values, name: string): Option.Option<Duration.Duration> =>
  Option.filterMap(
    textFrom(values, name),
    (text) => /^\d{1,9}$/.test(text) ? Option.some(Duration.seconds(Number(text))) : Option.none()
  )

/** Form fields of legs are named `Legs[0][Status]`. */
const legField = /^Legs\[(\d{1,2})\]\[(\w+)\]$/

const fromEntries = (entries: Iterable<readonly [string, string]>): Effect.Effect<Fields, Reason> => {
  const values: Record<string, string> = {}
  const legs: Array<Record<string, string>> = []
  for (const [name, value] of entries) {
    const leg = legField.exec(name)
    const index = Number(leg?.[1])
    const field = leg?.[2]
    if (field === undefined) {
      // Two readers of such a body could act on different calls.
      if (name === "CallSid" && "CallSid" in values) return Effect.fail("DuplicateSid")
      values[name] = value
    } else if (index < MAX_LEGS) {
      ;(legs[index] ??= {})[field] = value
    }
  }
  return Effect.succeed({ values, legs: Array.from(legs, (leg) => leg ?? {}) })
}

const fromJson = (text: string): Effect.Effect<Fields, Reason> =>
  Effect.flatMap(
    Effect.try({ try: (): unknown => JSON.parse(text), catch: () => "Malformed" as const }),
    (values) => {
      if (!Predicate.isReadonlyRecord(values)) return Effect.fail("Malformed" as const)
      const legs: unknown = values["Legs"]
      return Effect.succeed({
        values,
        legs: Array.isArray(legs)
          ? legs.slice(0, MAX_LEGS).map((leg) => Predicate.isReadonlyRecord(leg) ? leg : {})
          : []
      })
    }
  )

/**
 * The part of a multipart body from its first delimiter to its closing one, with CRLF line ends: the runtime's reader
 * accepts neither preamble nor epilogue nor bare line feeds. None if the body was cut off.
 */
const normalizeMultipart = (contentType: string, text: string): string | undefined => {
  const boundary = /boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType)
  const delimiter = `--${boundary?.[1] ?? boundary?.[2] ?? ""}`
  const lines = `\n${text}`
  const start = lines.indexOf(`\n${delimiter}`) + 1
  const end = lines.indexOf(`\n${delimiter}--`, start - 1)
  if (boundary === null || start === 0 || end === -1) return undefined
  const form = lines.slice(start, end + 1 + delimiter.length + 2)
  return form[form.indexOf("\n") - 1] === "\r" ? form : form.replace(/\r?\n/g, "\r\n")
}

/** Uses the runtime's reader: that of @effect/platform never ends for a body that was cut off. */
const fromMultipart = (contentType: string, text: string): Effect.Effect<Fields, Reason> => {
  const form = normalizeMultipart(contentType, text)
  if (form === undefined) return Effect.fail("Malformed")
  return Effect.tryPromise({
    try: () => new Response(new TextEncoder().encode(form), { headers: { "content-type": contentType } }).formData(),
    catch: () => "Malformed" as const
  }).pipe(Effect.flatMap((data) =>
    // Callbacks have no files.
    fromEntries(Array.from(data).flatMap(([name, value]) => typeof value === "string" ? [[name, value] as const] : []))
  ))
}

export const readFields = (contentType: string, body: Uint8Array): Effect.Effect<Fields, Reason> => {
  const text = new TextDecoder().decode(body)
  if (/^multipart\/form-data\b/i.test(contentType)) return fromMultipart(contentType, text)
  return text.trimStart().startsWith("{") ? fromJson(text) : fromEntries(new URLSearchParams(text))
}
