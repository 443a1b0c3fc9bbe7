/** Calls as the engine holds them, for tests of its parts. The time is a parameter. */
import { Call, CallSid } from "@effect-exotel/core"
import { Arbitraries } from "@effect-exotel/testing"
import { WatchPolicy } from "@effect-exotel/watch"
import { assert } from "@effect/vitest"
import { FastCheck, Option, Schema } from "effect"
import { type Listener, Watch, WatchedCall } from "../../src/internal/engine/watchedCall.ts"
import { WatchState } from "../../src/internal/watch/watchState.ts"

/** Both clocks; they differ, so that one is not mistaken for the other. */
export const NOW = { at: 5_000_000, date: 1_000_000_000_000 }

const decodeSid = Schema.decodeSync(CallSid.CallSid)

/** A call with one watch that begins now, and whose next poll is due at a monotonic time. */
export const watchedCall = (
  name: string,
  { dueAt, listener, policy = {} }: {
    readonly dueAt: number
    readonly listener: Listener
    readonly policy?: WatchPolicy.Options
  }
): { readonly call: WatchedCall; readonly state: WatchState } => {
  const sid = decodeSid(name)
  const call = new WatchedCall(sid, NOW.at, () => assert.fail("no schedule is used"))
  const state = WatchState.begin(sid, Schema.decodeSync(WatchPolicy.WatchPolicy)(policy), NOW.date)
  call.add(new Watch(state, listener, dueAt))
  return { call, state }
}

const sample = (predicate: (call: Call.Call) => boolean) => {
  const [any = assert.fail()] = FastCheck.sample(Arbitraries.call.filter(predicate), { numRuns: 1, seed: 1 })
  return (name: string): Call.Call =>
    new Call.Call({ ...any, sid: decodeSid(name), details: Option.none() }, { disableValidation: true })
}

/** The record of a call that has not ended. */
export const activeRecord = sample((call) => !Call.isTerminal(call))

/** The record of a call that has ended, without details. */
export const endedRecord = sample(Call.isTerminal)
