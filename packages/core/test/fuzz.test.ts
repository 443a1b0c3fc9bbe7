/** Bodies damaged at random: a body that still decodes as a call decodes equally with a second, independent parser. */
import { Call } from "@effect-exotel/core"
import { assert, describe, it } from "@effect/vitest"
import { Either, Equal, FastCheck as fc, Schema } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { read } from "./support/read.ts"
import { strictXml, type Tree } from "./support/strictXml.ts"
import { character } from "./support/unicode.ts"
import { toJson, toXml, truth, variant } from "./support/wire.ts"

/** Pieces of syntax, which cause more damage than random characters. */
const scrap = fc.oneof(
  fc.constantFrom(
    ..."< > / </ /> & ; &# \" ' = <a> </a> </a/> <a/> <![CDATA[ ]]> <!-- --> <? ?> <Call> </Call> <Sid>x</Sid>".split(
      " "
    ),
    ..."</TwilioResponse> { } [ ] , : null - 1e9 \\ \\u0000 \u0000 \ufeff Leg Status Call".split(" "),
    " ",
    "\u2028"
  ),
  fc.string({ unit: character, maxLength: 3 })
)

const mutation = fc.record({
  at: fc.nat(),
  drop: fc.oneof(fc.constant(0), fc.nat({ max: 12 })),
  insert: fc.oneof(fc.constant(""), scrap)
})

const damaged = (body: string, mutations: ReadonlyArray<typeof mutation extends fc.Arbitrary<infer A> ? A : never>) =>
  mutations.reduce((text, { at, drop, insert }) => {
    const place = text.length === 0 ? 0 : at % text.length
    return text.slice(0, place) + insert + text.slice(place + drop)
  }, body)

const list = (tree: Tree | ReadonlyArray<Tree> | undefined): ReadonlyArray<Tree> =>
  tree === undefined ? [] : Array.isArray(tree) ? tree : [tree as Tree]

const child = (tree: Tree | undefined, name: string): Tree | undefined => {
  const [only, ...more] = typeof tree === "object" ? list(tree[name]) : []
  return more.length === 0 ? only : undefined
}

/** Converts the tree's call to a JSON body, by the differences between the two formats. */
const asJson = (tree: Record<string, Tree>): string => {
  const call = child(tree["TwilioResponse"], "Call")
  const details = child(call, "Details")
  const legs = child(details, "Legs")
  if (typeof call !== "object") return ""
  return JSON.stringify({
    Call: {
      ...call,
      ...(typeof details !== "object" ? {} : {
        Details: {
          ...details,
          // Without legs or with text between them there is no list.
          ...(typeof legs !== "object" || "#text" in legs || !("Leg" in legs)
            ? {}
            : { Legs: list(legs["Leg"]).map((Leg) => ({ Leg })) })
        }
      })
    }
  })
}

describe("a body damaged at random", () => {
  it.prop(
    "in XML is refused, or decodes as with a strict parser",
    [truth, variant, fc.array(mutation, { minLength: 1, maxLength: 3 })],
    ([truth, variant, mutations]) => {
      const body = damaged(toXml(truth, variant), mutations)
      const result = read(body)
      if (Either.isLeft(result)) return
      const tree = strictXml(body)
      assert.isDefined(tree, `no well-formed document was read as a call: ${body}`)
      if (tree === undefined) return
      assert.isTrue(Schema.is(Call.Call)(result.right))
      const second = read(asJson(tree))
      assert.isTrue(Either.isRight(second), `only in XML is this a call: ${body}`)
      assert.isTrue(Equal.equals(result, second), `read as another call: ${body}`)
    },
    { timeout: 120_000, fastCheck: { numRuns: cases(2000) } }
  )

  it.prop(
    "in JSON is refused, or decodes as JSON.parse reads it",
    [truth, variant, fc.array(mutation, { minLength: 1, maxLength: 3 })],
    ([truth, variant, mutations]) => {
      const body = damaged(toJson(truth, variant), mutations)
      const result = read(body)
      if (Either.isLeft(result)) return
      assert.isTrue(Schema.is(Call.Call)(result.right))
      const { Call: record } = JSON.parse(body)
      assert.strictEqual(result.right.sid, String(record.Sid).trim())
      if (result.right.status !== "unknown") assert.strictEqual(result.right.status, String(record.Status).trim())
    },
    { timeout: 120_000, fastCheck: { numRuns: cases(2000) } }
  )
})
