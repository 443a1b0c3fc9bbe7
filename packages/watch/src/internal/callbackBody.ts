/** From the body of a callback, in any of its three content types, to its fields. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

export type Values = Readonly<Record<string, unknown>>

export interface Fields {
  readonly values: Values
  readonly legs: ReadonlyArray<Values>
}

/** More legs than any call has; a form could name the millionth. */
const MOST_LEGS = 16

/** Empty, null and the text `null` all mean that nothing is known. */
export const textOf = (values: Values, ...names: ReadonlyArray<string>): Option.Option<string> => {
  for (const name of names) {
    const value = values[name]
    const text = typeof value === "string" || typeof value === "number" ? String(value).trim() : ""
    if (text !== "" && text !== "null") return Option.some(text)
  }
  return Option.none()
}

export const secondsOf = (values: Values, name: string): Option.Option<Duration.Duration> =>
  Option.filterMap(
    textOf(values, name),
    (text) => /^\d{1,9}$/.test(text) ? Option.some(Duration.seconds(Number(text))) : Option.none()
  )

const isValues = (value: unknown): value is Values =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Form fields of legs are called `Legs[0][Status]`. */
const legField = /^Legs\[(\d{1,2})\]\[(\w+)\]$/

const fromEntries = (entries: Iterable<readonly [string, string]>): Fields => {
  const values: Record<string, string> = {}
  const legs: Array<Record<string, string>> = []
  for (const [name, value] of entries) {
    const leg = legField.exec(name)
    const index = Number(leg?.[1])
    const field = leg?.[2]
    if (field === undefined) values[name] = value
    else if (index < MOST_LEGS) (legs[index] ??= {})[field] = value
  }
  return { values, legs: Array.from(legs, (leg) => leg ?? {}) }
}

const fromJson = (text: string): Effect.Effect<Fields, "malformed"> =>
  Effect.flatMap(
    Effect.try({ try: (): unknown => JSON.parse(text), catch: () => "malformed" as const }),
    (values) => {
      if (!isValues(values)) return Effect.fail("malformed" as const)
      const legs: unknown = values["Legs"]
      return Effect.succeed({
        values,
        legs: Array.isArray(legs) ? legs.slice(0, MOST_LEGS).map((leg) => isValues(leg) ? leg : {}) : []
      })
    }
  )

/** By the runtime's own reader: the one of @effect/platform waits for ever for the rest of a body that was cut off. */
const fromMultipart = (contentType: string, body: Uint8Array): Effect.Effect<Fields, "malformed"> =>
  Effect.tryPromise({
    try: () => new Response(new Uint8Array(body), { headers: { "content-type": contentType } }).formData(),
    catch: () => "malformed" as const
  }).pipe(Effect.map((form) =>
    // A callback has no files; one that comes all the same is passed over.
    fromEntries(Array.from(form).flatMap(([name, value]) => typeof value === "string" ? [[name, value] as const] : []))
  ))

export const readFields = (contentType: string, body: Uint8Array): Effect.Effect<Fields, "malformed"> => {
  if (/^multipart\/form-data\b/i.test(contentType)) return fromMultipart(contentType, body)
  const text = new TextDecoder().decode(body)
  return text.trimStart().startsWith("{") ? fromJson(text) : Effect.succeed(fromEntries(new URLSearchParams(text)))
}
