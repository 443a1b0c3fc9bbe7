/** Writes one value in JSON and in XML, each in a random form. Independent of the encoder of the fake. */
import { type Chance, isRecord } from "./mutate.ts"

type Value = string | number | null | Fields | ReadonlyArray<Value>
interface Fields {
  readonly [name: string]: Value
}

const xmlName = /^[A-Za-z_][\w.-]*$/

/** Names that the XML parser reserves. */
const reserved = new Set(["__proto__", "constructor", "prototype"])

// eslint-disable-next-line no-control-regex -- the characters that XML cannot express
const inexpressible = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ud800-\udfff\ufffe\uffff]/u

/** Below the nesting that the XML decoder allows. */
const MAX_DEPTH = 12

/** Whether XML can say the same: lists are those of legs and calls only, and an empty object is no empty element. */
const isExpressible = (value: unknown, depth = 0): value is Value => {
  if (value === null) return true
  if (typeof value === "string") return !inexpressible.test(value)
  if (typeof value === "number") {
    return Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value))
  }
  return isRecord(value) && depth < MAX_DEPTH && Object.keys(value).length > 0 &&
    Object.entries(value).every(([name, each]) =>
      xmlName.test(name) && !reserved.has(name) && isExpressible(each, depth + 1)
    )
}

/** Legs without their wrappers. One that is left means that a wrapper has other fields, which XML has no place for. */
const isListOfLegs = (legs: ReadonlyArray<Value>): boolean =>
  legs.every((leg) => isRecord(leg) && !("Leg" in leg) && isExpressible(leg))

const legOf = (leg: Value): Value =>
  isRecord(leg) && Object.keys(leg).length === 1 && "Leg" in leg ? leg["Leg"] as Value : leg

const xmlText = (random: Chance, text: string): string => {
  const escaped = Array.from(text, (char) => {
    if (char === "<" || char === "&" || char === ">" || char === "\r" || random.integer(12) === 0) {
      const code = char.codePointAt(0) ?? 0
      return random.integer(2) === 0 ? `&#${code};` : `&#x${code.toString(16)};`
    }
    return char
  }).join("")
  return random.integer(8) === 0 && !text.includes("]]>") && !text.includes("\r") ? `<![CDATA[${text}]]>` : escaped
}

const empty = (random: Chance, name: string): string =>
  [`<${name}/>`, `<${name}></${name}>`, `<${name} />`, `<${name}>null</${name}>`][random.integer(4)] ?? ""

const element = (random: Chance, name: string, content: string): string =>
  content === "" ? empty(random, name) : `<${name}>${content}</${name}>`

const xmlValue = (random: Chance, name: string, value: Value): string => {
  // A page without the list is none, but one whose list is empty is.
  if (value === null) return name !== "Calls" && random.integer(2) === 0 ? "" : empty(random, name)
  if (typeof value === "string") return element(random, name, xmlText(random, value))
  if (typeof value === "number") return element(random, name, String(value))
  // A record has fields, even if all of them are empty.
  if (isRecord(value)) {
    return `<${name}>${
      xmlFields(random, value).trim() || Object.keys(value).map((each) => `<${each}/>`).join("")
    }</${name}>`
  }
  const item = name === "Legs" ? "Leg" : "Call"
  return element(random, name, value.map((each) => xmlValue(random, item, legOf(each))).join(""))
}

const xmlFields = (random: Chance, fields: Fields): string =>
  Object.entries(fields).map(([name, value]) => (random.integer(6) === 0 ? "\n  " : "") + xmlValue(random, name, value))
    .join("")

const jsonText = (random: Chance, text: string): string => {
  let out = ""
  // Code units: JSON escapes half a character at a time.
  for (let i = 0; i < text.length; i++) {
    const unit = text.charAt(i)
    out += random.integer(20) > 0
      ? JSON.stringify(unit).slice(1, -1)
      : unit === "/"
      ? "\\/"
      : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
  }
  return `"${out}"`
}

const jsonValue = (random: Chance, value: Value): string => {
  const space = random.integer(6) === 0 ? " \n" : ""
  if (typeof value === "string") return jsonText(random, value) + space
  if (typeof value !== "object" || value === null) return JSON.stringify(value) + space
  if (!isRecord(value)) return `[${value.map((each) => jsonValue(random, each)).join(",")}]`
  return `{${
    Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}:${jsonValue(random, each)}`).join(`,${space}`)
  }}`
}

/** The body in both formats, or undefined if XML cannot say the same. */
export const inBothFormats = (
  random: Chance,
  body: unknown
): { readonly value: Fields; readonly json: string; readonly xml: string } | undefined => {
  if (!isRecord(body)) return undefined
  // The lists are checked by themselves, and replaced by a text where the rest is checked.
  const { Call: call, Calls: calls } = body
  const records = Array.isArray(calls) ? calls : [call]
  const withoutLists = (record: unknown): unknown => {
    const details = isRecord(record) ? record["Details"] : undefined
    if (!isRecord(record) || !isRecord(details)) return record
    const { Legs: legs } = details
    return Array.isArray(legs) && isListOfLegs(legs.map(legOf))
      ? { ...record, Details: { ...details, Legs: "legs" } }
      : record
  }
  const known = Object.keys(body).every((name) => ["Call", "Calls", "Metadata", "RestException"].includes(name))
  if (!known || ("Calls" in body && !Array.isArray(calls) && calls !== null)) return undefined
  // An object is the only record in JSON; in XML the single element is a list.
  if (
    records.some((record) => isRecord(record) && isRecord(record["Details"]) && isRecord(record["Details"]["Legs"]))
  ) {
    return undefined
  }
  const rest = Object.fromEntries(Object.entries(body).filter(([name]) => name !== "Call" && name !== "Calls"))
  if (Array.isArray(calls) && !calls.every(isRecord)) return undefined
  if (
    ![...records.map(withoutLists), ...Object.values(rest)].every((each) => each === undefined || isExpressible(each))
  ) {
    return undefined
  }
  const value = body as Fields
  return { value, json: jsonValue(random, value), xml: `<TwilioResponse>${xmlFields(random, value)}</TwilioResponse>` }
}
