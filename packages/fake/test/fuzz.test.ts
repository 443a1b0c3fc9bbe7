/** Fuzzed inputs of every decoder: 20,000 in the checks. `pnpm fuzz` runs more, and with other seeds. */
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { inBothFormats } from "./fuzz/formats.ts"
import { chance } from "./fuzz/mutate.ts"
import { fuzz } from "./fuzz/run.ts"
import { type Target, targets } from "./fuzz/targets.ts"

const SEED = 20_261_126

/** Those that take longer have fewer. */
const inputs: Readonly<Record<string, number>> = {
  call: 3000,
  page: 400,
  error: 800,
  connect: 800,
  formats: 3000,
  callback: 4000,
  token: 4000,
  script: 4000
}

describe(`with seed ${SEED}, fuzzed inputs break no rule:`, () => {
  for (const target of targets) {
    it(target.name, { timeout: 300_000 }, async () => {
      const { findings, outcomes } = await fuzz(target, cases(inputs[target.name] ?? 0), SEED)
      deepStrictEqual(findings.map(({ input, rule }) => `${rule}: ${JSON.stringify(input)}`), [])
      assert.isAtLeast(outcomes, 2)
    })
  }

  it("20,000 in all", () => assert.strictEqual(Object.values(inputs).reduce((sum, each) => sum + each, 0), 20_000))
})

describe("the fuzzer", () => {
  it("begins with valid documents", async () => {
    for (
      const { name, check, documents } of targets.filter(({ name }) => ["callback", "token", "script"].includes(name))
    ) {
      const verdicts = await Promise.all(
        documents(SEED).map((document) => Effect.runPromise(check(document, chance(SEED))))
      )
      const decoded = verdicts.filter(({ signature }) => /^(?:callback|decoded|script)/.test(signature))
      // A token that marks an ongoing call as ended is rejected.
      if (name === "token") assert.isAbove(decoded.length, verdicts.length / 2)
      else assert.strictEqual(decoded.length, verdicts.length, verdicts.map(({ signature }) => signature).join("\n"))
    }
  })

  /** Breaks a rule for each input that contains the word. */
  const broken = (check: Target["check"]): Target => ({
    name: "broken",
    maxMillis: 5,
    documents: () => ["{\"a\":\"b\"}"],
    check
  })

  it("reports inputs that break a rule, that die and that take too long", async () => {
    const spin = () => {
      const began = process.cpuUsage()
      const start = performance.now()
      while (performance.now() - start < 6 || process.cpuUsage(began).user < 6000);
      return { signature: "slow", broken: [] }
    }
    const rules = await Promise.all([
      fuzz(broken(() => Effect.succeed({ signature: "", broken: ["a rule"] })), 1, 1),
      fuzz(broken(() => Effect.dieMessage("a defect")), 1, 1),
      fuzz(broken(() => Effect.sync(spin)), 1, 1)
    ])
    const found = rules.map(({ findings }) => findings.map(({ rule }) => rule.slice(0, 8)))
    deepStrictEqual(found, [["a rule"], ["it dies:"], ["it takes"]])
  })

  it("writes a value in both formats, and none that XML cannot express", () => {
    const both = inBothFormats(chance(1), { Call: { Sid: "a1", To: "<&>", Details: { Legs: [{ Leg: { Id: 1 } }] } } })
    assert.match(both?.xml ?? "", /^<TwilioResponse>\s*<Call>.*<Legs>\s*<Leg>\s*<Id>1<\/Id><\/Leg><\/Legs>/s)
    for (const To of [true, {}, ["x"], "\u0000", { "a b": "c" }]) {
      assert.isUndefined(inBothFormats(chance(1), { Call: { Sid: "a1", To } }))
    }
  })
})
