/**
 * Reads XML through fast-xml-parser, whose defaults accept far too much: a body that was cut off parses into a plausible
 * record, plain text into an empty one. What is let through here is one whole, well-formed document with a known root.
 */
import * as Either from "effect/Either"
import { XMLParser, XMLValidator } from "fast-xml-parser"
import { forbiddenCharacter } from "./characters.ts"
import type { DecodeIssue } from "./issue.ts"
import { malformed, unexpected } from "./issue.ts"

const predefined: ReadonlyMap<string, string> = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", "\""],
  ["apos", "'"]
])

const reference = (name: string): string => {
  const known = predefined.get(name)
  if (known !== undefined) return known
  const code = /^#x[0-9a-f]{1,6}$/i.test(name)
    ? Number.parseInt(name.slice(2), 16)
    : /^#\d{1,7}$/.test(name)
    ? Number.parseInt(name.slice(1), 10)
    : Number.NaN
  // Left to itself the parser drops a reference to a control character and keeps an unknown entity's name as text.
  if (!(code <= 0x10ffff) || forbiddenCharacter.test(String.fromCodePoint(code))) {
    // oxlint-disable-next-line house/no-throw -- the parser offers its callbacks no other way out; parseXml catches it
    throw new Error("a reference that XML does not define")
  }
  return String.fromCodePoint(code)
}

/**
 * The five predefined entities and character references, each exactly once: `&amp;lt;` is the text `&lt;`. Bare
 * ampersands have been refused by the validator.
 */
const entityDecoder = {
  decode: (text: string): string =>
    text.includes("&") ? text.replace(/&([^;]*);/g, (_, name: string) => reference(name)) : text,
  setExternalEntities: () => {},
  addInputEntities: () => {},
  reset: () => {},
  setXmlVersion: () => {}
}

const options = {
  // A number of a phone is no number: 08012345678 must keep its zero.
  parseTagValue: false,
  ignoreAttributes: true,
  // One leg is a list of one, too.
  isArray: (name: string) => name === "Leg",
  // Saves the parser from writing out each element's path.
  jPath: false,
  maxNestedTags: 32,
  entityDecoder
}

const parser = new XMLParser(options)

/** Trimming keeps the parser from making a text of every line break, but it would trim on both sides of a CDATA section. */
const cdataParser = new XMLParser({ ...options, trimValues: false })

/**
 * Replaces each CDATA section by a character that no document can hold, so that what is left is tags and text; undefined
 * when one is not closed.
 */
const withoutCdata = (text: string): string | undefined => {
  const [head = "", ...sections] = text.split("<![CDATA[")
  let out = head
  for (const section of sections) {
    const end = section.indexOf("]]>")
    if (end === -1) return undefined
    out += `\u0000${section.slice(end + 3)}`
  }
  return out
}

const space = String.raw`[ \t\r\n]`
const name = String.raw`[A-Za-z_:][\w:.-]*`
const attributes = String.raw`(?:${space}+${name}${space}*=${space}*(?:"[^"<\0]*"|'[^'<\0]*'))*${space}*`

/** An XML declaration or none, then the first element. Other processing instructions are not let in. */
const declared = String.raw`(?:${space}+[a-z]+${space}*=${space}*(?:"[\w.-]+"|'[\w.-]+'))*${space}*`
const beginning = new RegExp(String.raw`^\s*(?:<\?xml${declared}\?>\s*)?<(${name})`)

/**
 * A `<` that begins no tag. The validator and the parser each read some broken tags as something else, such as `</a/>`,
 * which closes an element for the one and not for the other.
 */
const brokenTag = new RegExp(String.raw`<(?!/${name}${space}*>|${name}${attributes}/?>)`)

const endings: ReadonlyMap<string, RegExp> = new Map(
  ["TwilioResponse", "RestException"].map((root) => [root, new RegExp(`</${root}${space}*>${space}*$`)])
)

/** The one root element, by name. Text is a string, an element with children an object, a repeated element a list. */
export const parseXml = (text: string): Either.Either<Readonly<Record<string, unknown>>, DecodeIssue> => {
  if (forbiddenCharacter.test(text)) return malformed("xml", "a control character stands in it")
  const hasCdata = text.includes("<![CDATA[")
  const tags = hasCdata ? withoutCdata(text) : text
  if (tags === undefined) return malformed("xml", "it is truncated or not well-formed")
  // Comments and DOCTYPEs have no business in an answer of Exotel's; refusing both closes entity bombs.
  if (tags.includes("<!")) {
    return malformed(
      "xml",
      "a DOCTYPE or a comment stands in it; if a web page answers here, check the base URL and any proxy"
    )
  }
  const start = beginning.exec(text)
  const rootName = start?.[1]
  if (start === null || rootName === undefined) return malformed("xml", "it does not begin with an element")
  if (rootName.toLowerCase() === "html") {
    return malformed("xml", "it is a web page; something else answers here: check the base URL and any proxy")
  }
  const ending = endings.get(rootName)
  const declaration = start[0].length - rootName.length - 1
  const element = text.slice(declaration)
  const root = Either.try(() => {
    if (brokenTag.test(tags.slice(declaration)) || tags.includes("]]>")) return undefined
    if (XMLValidator.validate(element) !== true) return undefined
    const document: Record<string, unknown> = (hasCdata ? cdataParser : parser).parse(element)
    return document
  })
  if (Either.isLeft(root) || root.right === undefined) return malformed("xml", "it is truncated or not well-formed")
  if (Object.keys(root.right).length !== 1) return malformed("xml", "it has more than one root")
  if (ending === undefined) return unexpected("xml", undefined, "its root is not TwilioResponse")
  // The validator overlooks what follows the root.
  return ending.test(text) ? Either.right(root.right) : malformed("xml", "it does not end with its root")
}
