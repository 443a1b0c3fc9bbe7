/** Changes documents at the level of tokens: JSON, XML, forms and multipart bodies alike. */
import { PCGRandom } from "effect/Utils"

export type Chance = PCGRandom

export const chance = (seed: number): Chance => new PCGRandom(seed)

export const pick = <A>(random: Chance, values: ReadonlyArray<A>): A => {
  const value = values[random.integer(values.length)]
  if (value === undefined) throw new Error("a value of an empty list was asked for")
  return value
}

/** A word that no error message may contain. */
export const canary = "Canarius"

/** Longer inputs may take longer, and are cut; the record of a call has less than 2,000 characters. */
const MAX_LENGTH = 20_000

const token = /"(?:[^"\\]|\\.)*"|<!\[CDATA\[|\]\]>|<[^<>]*>|&[^;\s]{0,8};|[{}[\],:=&]|\s+|[^\s"<>{}[\],:=&]+|./gsu

const numbers = [
  "0",
  "-1",
  "1.50",
  "-0",
  "1e5",
  "1e-7",
  "1e999",
  "0x1f",
  "08",
  "+91",
  "4294967296",
  "9007199254740993",
  "123456789012345678901234567890",
  "1_000",
  "NaN",
  "Infinity",
  "१२३",
  "1,5"
]

const scraps = [
  ..."{ } [ ] , : null true \"\" \\ \\u0000 \\ud800 \ufeff \u0000 \u001b \u2028 \u00a0 \r \n".split(" "),
  ..."&amp; &lt; &#65; &#x41; &#0; &#xd800; &#x110000; &eacute; & &; <![CDATA[ ]]> <![CDATA[]]> <!-- --> <!--".split(
    " "
  ),
  ..."<a> </a> <a/> </a/> <Call> </Call> <Leg> </Leg> <?x?> <!DOCTYPE ]> > < = ; % %00 %E0%A4%A %2 + -- --X".split(" "),
  " ",
  "\r\n\r\n",
  "constructor",
  "__proto__",
  "toString",
  "#text",
  "Legs",
  "Legs[0][Status]",
  "Legs[99][Status]",
  "CallSid",
  "Sid",
  "RestException",
  "1970-01-01 05:30:00",
  "2026-02-30 10:00:00",
  "2026-11-02T10:00:00.123456789+05:30",
  canary,
  "+919845011223",
  "\"+919845011223\"",
  `"${canary}"`
]

const repeated = (random: Chance): string => {
  const count = pick(random, [20, 200, 2000, 10_000])
  return pick(random, ["a", "0", " ", "[", "{\"a\":", "<a>", "<a></a>", "&amp;", "%41", "\"", "\\", "😀", "- ", "1,"])
    .repeat(count)
}

const changedCase = (random: Chance, text: string): string =>
  pick(random, [text.toLowerCase(), text.toUpperCase(), text.replace(/[a-z]/i, (letter) => letter.toUpperCase())])

/** The places of the tokens that are values. */
const valuesIn = (tokens: ReadonlyArray<string>): ReadonlyArray<number> =>
  tokens.flatMap((each, i) => each.startsWith("\"") || /^\d/.test(each) ? [i] : [])

/** One change of the tokens, in place. `other` is the text of another document. */
const change = (random: Chance, tokens: Array<string>, other: string): void => {
  const at = random.integer(tokens.length + 1)
  const length = 1 + random.integer(pick(random, [1, 3, 12, 60]))
  const range = tokens.slice(at, at + length)
  switch (random.integer(13)) {
    case 0:
      tokens.splice(at, length)
      return
    case 1:
      tokens.splice(at, 0, ...range)
      return
    case 2:
      tokens.splice(random.integer(tokens.length + 1), 0, ...tokens.splice(at, length))
      return
    case 3:
      tokens.splice(at, length, ...range.map((each) => changedCase(random, each)))
      return
    case 4:
      tokens.length = Math.min(tokens.length, at)
      return
    case 5:
    case 6:
      tokens.splice(at, random.integer(2), pick(random, scraps))
      return
    case 7:
      tokens.splice(at, 1, pick(random, [pick(random, numbers), `"${pick(random, numbers)}"`]))
      return
    case 8: {
      const start = random.integer(other.length + 1)
      tokens.splice(at, length, other.slice(start, start + 1 + random.integer(200)))
      return
    }
    case 9: {
      const text = tokens[at] ?? ""
      const index = random.integer(text.length + 1)
      const isNumber = random.integer(2) === 0 && /\d/.test(text)
      tokens.splice(
        at,
        1,
        isNumber
          ? text.replace(/\d+/, pick(random, numbers))
          : text.slice(0, index) + pick(random, scraps) + text.slice(index)
      )
      return
    }
    case 10:
      tokens.splice(at, 0, repeated(random))
      return
    case 11: {
      // A value that replaces another one of the same document keeps it well-formed more often than a scrap does.
      const values = valuesIn(tokens)
      if (values.length < 2) return
      tokens[pick(random, values)] = tokens[pick(random, values)] ?? ""
      return
    }
    default: {
      const values = valuesIn(tokens)
      if (values.length === 0) return
      tokens[pick(random, values)] = pick(random, [
        "null",
        "[]",
        "{}",
        "\"\"",
        "\"null\"",
        "\" \"",
        `"${canary}"`,
        pick(random, numbers),
        "{\"Leg\":{\"Id\":1}}",
        JSON.stringify(pick(random, scraps))
      ])
    }
  }
}

/** The document with one to four changes. */
export const mutate = (random: Chance, document: string, other: string): string => {
  const tokens: Array<string> = [...document.match(token) ?? []]
  const changes = 1 + random.integer(4)
  for (let i = 0; i < changes; i++) change(random, tokens, other)
  return tokens.join("").slice(0, MAX_LENGTH)
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The records in a value, at any depth. */
const recordsIn = (value: unknown): ReadonlyArray<Record<string, unknown>> =>
  Array.isArray(value)
    ? value.flatMap(recordsIn)
    : isRecord(value)
    ? [value, ...Object.values(value).flatMap(recordsIn)]
    : []

const anyValue = (random: Chance): unknown =>
  pick(random, [
    () => null,
    () => "",
    () => " \t",
    () => pick(random, numbers),
    () => Number(pick(random, numbers)),
    () => pick(random, scraps),
    () => ` ${pick(random, scraps)}${pick(random, numbers)}\n`,
    () => pick(random, ["null", "Null", " null ", "true", "completed", "in-progress", "a".repeat(65)]),
    () => [],
    () => [{ Leg: { Id: random.integer(3), OnCallDuration: pick(random, numbers) } }, { Id: "2" }],
    () => ({ [pick(random, scraps)]: "x" }),
    () => ({ Sid: "abc", Leg: { Id: 1 } })
  ])()

/** A JSON document with one to four changed values or names, which stays well-formed. */
export const mutateValues = (random: Chance, document: string): string => {
  const value: unknown = JSON.parse(document)
  const changes = 1 + random.integer(4)
  for (let i = 0; i < changes; i++) {
    const record = pick(random, recordsIn(value))
    const names = Object.keys(record)
    const name = names.length === 0 || random.integer(8) === 0
      ? pick(random, ["Details", "Legs", "Leg", "PhoneNumber", "Message", "Code", "Status", "Other"])
      : pick(random, names)
    if (random.integer(8) === 0) delete record[name]
    else record[name] = anyValue(random)
  }
  return JSON.stringify(value)
}
