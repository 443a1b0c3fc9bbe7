/**
 * Reads XML through fast-xml-parser, whose defaults accept far too much: a body that was cut off parses into a plausible
 * record, plain text into an empty one. What is let through here is one whole, well-formed document with a known root.
 */
import * as Either from "effect/Either"
import { XMLParser, XMLValidator } from "fast-xml-parser"
import type { Damage } from "./damage.ts"
import { malformed, unexpected } from "./damage.ts"

/** What XML 1.0 forbids in a document, as characters or as references to them. */
// eslint-disable-next-line no-control-regex -- these are the characters that are looked for
const forbiddenCharacter = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/
const isForbidden = (code: number): boolean =>
  (code < 0x20 && code !== 0x9 && code !== 0xa && code !== 0xd) || (code >= 0xd800 && code <= 0xdfff)
  || code === 0xfffe || code === 0xffff || code > 0x10ffff

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
  if (Number.isNaN(code) || isForbidden(code)) throw new Error("a reference that XML does not define")
  return String.fromCodePoint(code)
}

/** The five predefined entities and character references, each exactly once: `&amp;lt;` is the text `&lt;`. */
const entityDecoder = {
  decode: (text: string): string =>
    text.includes("&") ? text.replace(/&([^;&\s]*);?/g, (_, name: string) => reference(name)) : text,
  setExternalEntities: () => {},
  addInputEntities: () => {},
  reset: () => {},
  setXmlVersion: () => {}
}

const parser = new XMLParser({
  // A number of a phone is no number: 08012345678 must keep its zero.
  parseTagValue: false,
  trimValues: true,
  ignoreAttributes: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  // One leg is a list of one, too; and so is one call of a page.
  isArray: (name) => name === "Leg",
  maxNestedTags: 32,
  entityDecoder
})

const roots = ["TwilioResponse", "RestException"] as const

/** The one root element, by name. Text is a string, an element with children an object, a repeated element a list. */
export const parseXml = (text: string): Either.Either<Readonly<Record<string, unknown>>, Damage> => {
  // Comments and DOCTYPEs have no business in an answer of Exotel's; refusing both closes entity bombs, and leaves the
  // end of the document to be what it seems.
  if (/<!(?!\[CDATA\[)/.test(text)) return malformed("xml", "a DOCTYPE or a comment stands in it; is it a web page?")
  if (forbiddenCharacter.test(text)) return malformed("xml", "a control character stands in it")
  const root = Either.try(() => {
    if (XMLValidator.validate(text) !== true) return undefined
    const document: Record<string, unknown> = parser.parse(text)
    return document
  })
  if (Either.isLeft(root) || root.right === undefined) return malformed("xml", "it is cut off or not well-formed")
  const names = Object.keys(root.right)
  const name = names[0]
  if (names.length !== 1 || name === undefined) return malformed("xml", "it has more than one root")
  if (name.toLowerCase() === "html") return malformed("xml", "it is a web page")
  if (!roots.some((known) => known === name)) return unexpected("xml", undefined, "its root is not TwilioResponse")
  // The validator overlooks what follows the root.
  if (!new RegExp(`</${name}\\s*>\\s*$`).test(text)) return malformed("xml", "something follows its end")
  return Either.right(root.right)
}
