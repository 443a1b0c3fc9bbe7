/** Generates characters. */
import { FastCheck as fc } from "effect"

const SURROGATES = { first: 0xd800, count: 0x800 }

/** Any character of Unicode, like the unit `binary` of fast-check, which keeps a table of all of them, of 90 MB. */
export const character: fc.Arbitrary<string> = fc.nat({ max: 0x10ffff - SURROGATES.count }).map((n) =>
  String.fromCodePoint(n < SURROGATES.first ? n : n + SURROGATES.count)
)
