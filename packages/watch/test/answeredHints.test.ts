/** The streams that receive the hint that their call was answered. */
import { CallSid, StatusCallback } from "@effect-exotel/core"
import { type WatchEvent, WatchPolicy } from "@effect-exotel/watch"
import { assert, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Option, Schema } from "effect"
import { AnsweredHints } from "../src/internal/watch/answeredHints.ts"
import { WatchState } from "../src/internal/watch/watchState.ts"

const sid = Schema.decodeSync(CallSid.CallSid)("b6aa4d0ajh7sw2nq9gk1rv5tz3xc8e1f")

const none = Option.none()

const callback = new StatusCallback.StatusCallback({
  sid,
  eventType: Option.some("answered"),
  status: none,
  direction: none,
  customField: none,
  conversationDuration: none,
  legs: []
}, { disableValidation: true })

it("a stream that ends leaves the other streams of its call their hints, which are not their last events", () => {
  const hints = new AnsweredHints()
  const heard: Array<[string, WatchEvent.WatchEvent]> = []
  const listen = (name: string) =>
    hints.add(WatchState.begin(sid, WatchPolicy.standard, 0), (event) => heard.push([name, event]))
  const removeFirst = listen("first")
  const removeSecond = listen("second")
  removeFirst()
  hints.deliver(callback, 1000)
  deepStrictEqual(heard.map(([name, { _tag, isFinal }]) => [name, _tag, isFinal]), [["second", "AnsweredHint", false]])
  removeSecond()
  listen("third")
  hints.deliver(callback, 2000)
  assert.strictEqual(heard.at(-1)?.[0], "third")
  assert.strictEqual(heard.length, 2)
})
