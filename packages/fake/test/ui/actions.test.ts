/** The actions that a person has, and what they make of a call. */
import { CallScript } from "@effect-exotel/testing"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Duration, FastCheck } from "effect"
import { type Action, apply, available, ringing } from "../../src/ui/actions.ts"

const names = (script: CallScript.CallScript, elapsed: number) =>
  available(script, elapsed).map(({ action, leg }) => leg === undefined ? action : `${action} ${leg}`)

/** Applies actions a second apart, the first after one second. */
const after = (script: CallScript.CallScript, ...actions: ReadonlyArray<readonly [Action["action"], (1 | 2)?]>) => {
  let result = script
  for (const [index, [action, leg]] of actions.entries()) {
    const next = apply(result, 1000 * (index + 1), leg === undefined ? { action } : { action, leg })
    if (next === undefined) throw new Error(`The call does not allow ${action}`)
    result = next
  }
  return { script: result, now: 1000 * actions.length }
}

const endOf = ({ now, script }: ReturnType<typeof after>) => {
  const { ended, leg1Status, leg2Status, status } = CallScript.stateAt(script, now)
  return { ended, status, leg1Status, leg2Status }
}

const outbound = ringing({ legs: 2 })

describe("the actions of a person", () => {
  it("follow the call: leg 1, then leg 2, then the hang-up, then the settling", () => {
    deepStrictEqual(names(outbound, 500), ["answer 1", "busy 1", "noAnswer 1", "fail 1"])
    const first = after(outbound, ["answer", 1])
    deepStrictEqual(names(first.script, 1500), ["answer 2", "busy 2", "noAnswer 2", "fail 2", "hangUp"])
    const second = after(outbound, ["answer", 1], ["answer", 2])
    deepStrictEqual(names(second.script, 2500), ["hangUp"])
    const ended = after(outbound, ["answer", 1], ["answer", 2], ["hangUp"])
    deepStrictEqual(names(ended.script, 3500), ["settle"])
    const settled = after(outbound, ["answer", 1], ["answer", 2], ["hangUp"], ["settle"])
    deepStrictEqual(names(settled.script, 4000), [])
    assert.isTrue(CallScript.stateAt(settled.script, 4000).settled)
  })

  it("end the call with the status of the leg", () => {
    deepStrictEqual(endOf(after(outbound, ["busy", 1])), {
      ended: true,
      status: "busy",
      leg1Status: "busy",
      leg2Status: undefined
    })
    deepStrictEqual(endOf(after(outbound, ["answer", 1], ["noAnswer", 2])), {
      ended: true,
      status: "no-answer",
      leg1Status: "completed",
      leg2Status: "no-answer"
    })
    assert.strictEqual(endOf(after(outbound, ["fail", 1])).status, "failed")
    assert.strictEqual(endOf(after(outbound, ["answer", 1], ["hangUp"])).status, "canceled")
    deepStrictEqual(endOf(after(outbound, ["answer", 1], ["answer", 2], ["hangUp"])), {
      ended: true,
      status: "completed",
      leg1Status: "completed",
      leg2Status: "completed"
    })
    const flow = after(ringing({ legs: 1 }), ["answer", 1])
    deepStrictEqual(names(flow.script, 1500), ["hangUp"])
    assert.strictEqual(endOf(after(ringing({ legs: 1 }), ["answer", 1], ["hangUp"])).status, "completed")
  })

  it("count the time of ringing and of talk", () => {
    const { script } = after(outbound, ["answer", 1], ["answer", 2], ["hangUp"])
    deepStrictEqual(CallScript.duration(script), CallScript.duration(CallScript.busy({ ring: "3 seconds" })))
    assert.strictEqual(Duration.toMillis(CallScript.connectedTime(script, 1)), 2000)
    assert.strictEqual(Duration.toMillis(CallScript.connectedTime(script, 2)), 1000)
  })

  it("drive calls of script files, and those alone that are under way", () => {
    const scripted = CallScript.answered({ ring: "8 seconds", talk: "40 seconds" })
    const busy = apply(scripted, 3000, { action: "busy", leg: 1 })
    assert.strictEqual(busy === undefined ? "" : CallScript.stateAt(busy, 3000).status, "busy")
    assert.isUndefined(apply(scripted, 3000, { action: "answer", leg: 2 }))
    assert.isUndefined(apply(scripted, 3000, { action: "hangUp" }))
    assert.isUndefined(apply(scripted, 100_000, { action: "busy", leg: 1 }))
  })

  it("never change the past, and no action is offered that cannot be applied", () => {
    FastCheck.assert(FastCheck.property(
      FastCheck.array(FastCheck.tuple(FastCheck.integer({ min: 0, max: 90_000 }), FastCheck.nat()), { maxLength: 6 }),
      FastCheck.constantFrom(outbound, ringing({ legs: 1 }), CallScript.answered(), CallScript.noAnswer({ leg: 2 })),
      (steps, first) => {
        let script = first
        let now = 0
        for (const [wait, pick] of steps) {
          now += wait
          const actions = available(script, now)
          const action = actions[pick % actions.length]
          if (action === undefined) return
          const next = apply(script, now, action)
          if (next === undefined) throw new Error(`${action.label} is available but not possible`)
          for (let at = 0; at < now; at += 500) {
            assert.strictEqual(CallScript.stateAt(next, at).status, CallScript.stateAt(script, at).status)
          }
          script = next
        }
      }
    ))
  })
})
