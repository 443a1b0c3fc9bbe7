/** The parts of a message of Exotel that an error quotes. */
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { mask, secretForms } from "../src/internal/redact/masking.ts"

describe("a quoted message", () => {
  it("hides the credentials in each form in which a server may return them, however short they are", () => {
    const secrets = secretForms("the key", "to/ken?", "dGhl=")
    for (const form of ["the key", "the%20key", "to/ken?", "to%2Fken%3F", "dGhl=", "dGhl%3D"]) {
      assert.strictEqual(
        mask(`It was ${form}, sent twice: ${form}.`, secrets),
        "It was <redacted>, sent twice: <redacted>."
      )
    }
    deepStrictEqual(secretForms("", "token", "token"), ["token"])
  })

  it("hides a secret that is split where the message is cut", () => {
    const secret = "s3cret.of.the.account.with.points.in.it.and.more"
    for (let kept = 2; kept < secret.length; kept++) {
      const address = `${"a".repeat(794 - kept)}@b.c`
      const masked = mask(`${address} ${secret} and more`, [secret])
      assert.notInclude(masked, "s3", String(kept))
    }
  })

  it("keeps the beginning of a message that is cut", () => {
    const masked = mask(`Balance is low. ${"a".repeat(600)}@b.c ${"word ".repeat(100)}`, ["key"])
    assert.match(masked, /^Balance is low\. <redacted> word word/)
  })

  it("is masked to its end up to 800 characters, and has 200 characters at most, none of them cut", () => {
    assert.strictEqual(mask(`${"a".repeat(793)}@b.c ok`, []), "<redacted> ok")
    assert.strictEqual(mask(`  ${"word ".repeat(40).trim()}  `, []), "word ".repeat(40).trim())
    assert.strictEqual(mask("☎ ".repeat(100).trim(), []), "☎ ".repeat(100).trim())
    assert.strictEqual(mask("📞".repeat(200), []), "📞".repeat(200))
    assert.strictEqual(mask("📞".repeat(201), []), `${"📞".repeat(199)}…`)
  })
})
