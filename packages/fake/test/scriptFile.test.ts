/** The mistakes that a script file may contain, and their messages. */
import { CallScript } from "@effect-exotel/testing"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Schema } from "effect"
import { parse } from "../src/scriptFile.ts"

const mistakes = (file: unknown) => Effect.map(Effect.flip(parse(JSON.stringify(file))), ({ message }) => message)

describe("a script file", () => {
  it.effect("has every mistake reported with its path and without its value", () =>
    Effect.gen(function*() {
      const message = yield* mistakes({
        calls: [{ from: 9876543210, script: { kind: "answered", ring: "soon", tlak: "1 s" } }]
      })
      assert.include(message, "calls[0].script.ring: a duration is written like \"8 seconds\"")
      assert.include(message, "calls[0].script.tlak")
      assert.include(message, "calls[0].from")
      assert.notInclude(message, "9876543210")
    }))

  for (
    const [what, file, problems] of [
      ["a sid with a dash", { calls: [{ sid: "a-b", script: { kind: "busy" } }] }, ["calls[0].sid: must be letters"]],
      [
        "a sid that is given twice",
        { calls: [{ sid: "x", script: { kind: "busy" } }, { sid: "x", script: { kind: "busy" } }] },
        ["calls[1].sid: is the sid of calls[0] already"]
      ],
      [
        "a repeated call with a sid",
        { calls: [{ sid: "x", repeat: { every: "1 second", times: 2 }, script: { kind: "busy" } }] },
        ["calls[0].sid: cannot be given to a call that is repeated"]
      ],
      [
        "more calls than memory can hold",
        { calls: [{ repeat: { every: "1 second", times: 4_294_967_296 }, script: { kind: "busy" } }] },
        ["calls[0].repeat.times: "]
      ],
      [
        "an unknown account",
        { calls: [{ accountSid: "other", script: { kind: "busy" } }] },
        ["calls[0].accountSid: is not one of the accounts: acme1m"]
      ],
      [
        "a fault of an unknown call",
        { faults: [{ kind: "html", forCall: "nosuchcall" }] },
        ["faults[0].forCall: is not the sid of a call in this file"]
      ],
      [
        "values instead of records",
        { calls: [1, { script: 2 }], faults: [3], connect: { inOrder: [4] } },
        [
          "calls[0]: Expected a call\n",
          "calls[1].script: Expected a script\n",
          "faults[0]: Expected a fault",
          "connect.inOrder[0]: Expected an outcome\n"
        ]
      ],
      ["a callback that is not a URL", { statusCallback: { url: "status" } }, [
        "statusCallback.url: must be an absolute URL"
      ]]
    ] as const
  ) {
    it.effect(`is rejected with ${what}`, () =>
      Effect.gen(function*() {
        const message = yield* mistakes(file)
        for (const problem of problems) assert.include(message, problem)
      }))
  }

  it.effect("holds a call in a phase of infinite duration", () =>
    Effect.gen(function*() {
      const script = {
        kind: "custom",
        phases: [{ status: "ringing", duration: "Infinity" }],
        ending: { status: "completed" }
      }
      const { placements } = yield* parse(JSON.stringify({ calls: [{ script }] }))
      assert.isFalse(Duration.isFinite(CallScript.duration(placements[0]?.script ?? assert.fail())))
    }))

  it.effect("has durations of any size that encode to what decodes again", () =>
    Effect.gen(function*() {
      for (const text of ["Infinity", "1 nano", "0 seconds", "99999999999999999999999999 weeks"]) {
        const duration = yield* Schema.decode(CallScript.DurationText)(text)
        const again = yield* Schema.decode(CallScript.DurationText)(
          yield* Schema.encode(CallScript.DurationText)(duration)
        )
        assert.isTrue(Duration.equals(again, duration), text)
      }
    }))
})
