/**
 * Parses XML with fast-xml-parser. Its defaults accept too much: a truncated body parses into a plausible record, plain
 * text into an empty one. This module accepts only one complete, well-formed document with a known root.
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
  // The parser alone drops a reference to a control character and keeps the name of an unknown entity as text.
  if (!(code <= 0x10ffff) || forbiddenCharacter.test(String.fromCodePoint(code))) {
    // oxlint-disable-next-line house/no-throw -- a callback of the parser cannot fail otherwise; parseXml catches it
    throw new Error("a reference that XML does not define")
  }
  return String.fromCodePoint(code)
}

/**
 * Decodes the five predefined entities and character references, each exactly once: `&amp;lt;` is the text `&lt;`. The
 * validator has refused bare ampersands.
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
  // A phone number such as 08012345678 must keep its zero.
  parseTagValue: false,
  ignoreAttributes: true,
  // A single leg is a list too.
  isArray: (name: string) => name === "Leg",
  // Paths of elements are not needed and cost time.
  jPath: false,
  maxNestedTags: 32,
  entityDecoder
}

const parser = new XMLParser(options)

/** Without trimming: it would remove white space on both sides of a CDATA section. */
const cdataParser = new XMLParser({ ...options, trimValues: false })

/**
 * Replaces each CDATA section by a character that no document can contain, so that only tags and text are left. Returns
 * undefined when a section is not closed.
 */
const withoutCdata = (text: string): string | undefined => {
  let out = ""
  for (let at = 0;;) {
    const start = text.indexOf("<![CDATA[", at)
    if (start === -1) return out + text.slice(at)
    const end = text.indexOf("]]>", start)
    if (end === -1) return undefined
    out += `${text.slice(at, start)}\u0000`
    at = end + 3
  }
}

const space = String.raw`[ \t\r\n]`
const name = String.raw`[A-Za-z_:][\w:.-]*`
const attributes = String.raw`(?:${space}+${name}${space}*=${space}*(?:"[^"<\0]*"|'[^'<\0]*'))*${space}*`

/** An optional XML declaration, then the first element. Other processing instructions are refused. */
const declared = String.raw`(?:${space}+[a-z]+${space}*=${space}*(?:"[\w.-]+"|'[\w.-]+'))*${space}*`
const beginning = new RegExp(String.raw`^\s*(?:<\?xml${declared}\?>\s*)?<(${name})`)

/**
 * A `<` that begins no tag. The validator and the parser disagree on some broken tags, such as `</a/>`, which closes an
 * element for one of them only.
 */
const brokenTag = new RegExp(String.raw`<(?!/${name}${space}*>|${name}${attributes}/?>)`)

const endings: ReadonlyMap<string, RegExp> = new Map(
  ["TwilioResponse", "RestException"].map((root) => [root, new RegExp(`</${root}${space}*>${space}*$`)])
)

/** Parses a document into its root element, by name. Text is a string, an element with children an object, a repeated element a list. */
export const parseXml = (text: string): Either.Either<Readonly<Record<string, unknown>>, DecodeIssue> => {
  if (forbiddenCharacter.test(text)) return malformed("xml", "it contains a control character")
  const hasCdata = text.includes("<![CDATA[")
  const tags = hasCdata ? withoutCdata(text) : text
  if (tags === undefined) return malformed("xml", "it is truncated or not well-formed")
  // Exotel sends neither comments nor a DOCTYPE; refusing both prevents entity expansion attacks.
  if (tags.includes("<!")) {
    return malformed(
      "xml",
      "it contains a DOCTYPE or a comment; if it is a web page, check the base URL and any proxy"
    )
  }
  const start = beginning.exec(text)
  const rootName = start?.[1]
  if (start === null || rootName === undefined) return malformed("xml", "it does not begin with an element")
  if (rootName.toLowerCase() === "html") {
    return malformed("xml", "it is a web page, not a response of Exotel; check the base URL and any proxy")
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
  // The validator ignores the text after the root.
  return ending.test(text) ? Either.right(root.right) : malformed("xml", "it does not end with its root")
}
