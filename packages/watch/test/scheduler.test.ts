/** Which call is looked at next, and how: told the time directly. */
import { Call, CallSid } from "@effect-exotel/core"
import { Arbitraries } from "@effect-exotel/testing"
import { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, FastCheck, Schema } from "effect"
import { type Link, LinkedList } from "../src/internal/collections/linkedList.ts"
import { PollScheduler } from "../src/internal/engine/scheduler.ts"
import { type Job, type Listener, Watch, WatchedCall } from "../src/internal/engine/watchedCall.ts"
import { WatchState } from "../src/internal/watch/watchState.ts"
import { cases } from "./support/cases.ts"

const NOW = 1_000_000_000_000

const worker = Effect.runFork(Effect.void)

const listener = (single: boolean): Listener => ({ single, onEvent: () => undefined, onFinished: () => undefined })

/** A call that was looked at a while ago and is due now, or in a while: in seconds. */
const join = (
  agenda: PollScheduler,
  name: string,
  times: { looked: number; due: number; single?: boolean }
): WatchedCall => {
  const sid = Schema.decodeSync(CallSid.CallSid)(name)
  const call = new WatchedCall(sid, NOW, () => assert.fail("no schedule is used"))
  agenda.calls.set(sid, call)
  const state = WatchState.begin(sid, WatchPolicy.standard, NOW)
  call.add(new Watch(state, listener(times.single === true), NOW + times.due * 1000))
  call.lastPollAt = NOW - times.looked * 1000
  agenda.place(call, NOW)
  return call
}

const words = (job: Job | undefined) => job && `${job.by} ${job.calls.map(({ sid }) => sid).join(" ")}`

/** As when the answer has come, and the call is due again as before. */
const putBack = (agenda: PollScheduler, job: Job | undefined): void => {
  for (const call of job?.calls ?? []) {
    call.stage = "asleep"
    agenda.place(call, NOW)
  }
}

describe("an agenda", () => {
  it("reads as long as what the cadences ask for fits, sweeps when it does not, and goes not to and fro", () => {
    const agenda = new PollScheduler(100)
    for (const name of ["a", "b", "c"]) join(agenda, name, { looked: 1, due: 0 })
    for (const name of ["d", "e", "f"]) join(agenda, name, { looked: 0, due: 1 })
    // Each asks for one read a second; that of the calls in line counts from when they slept.
    const by = (rate: number) => {
      agenda.rate = rate
      const job = agenda.nextPoll(NOW, worker)
      putBack(agenda, job)
      return job?.by
    }
    deepStrictEqual([4, 3.1].map(by), ["individual", "individual"])
    deepStrictEqual([2.5, 3.2, 3.4].map(by), ["bulk", "bulk", "bulk"])
    deepStrictEqual([7.2, 6.1].map(by), ["individual", "individual"])
  })

  it("counts the demand of a single call until it is removed", () => {
    const agenda = new PollScheduler(100)
    agenda.rate = 1.2
    const first = join(agenda, "first", { looked: 0, due: 1 })
    for (let i = 0; i < 3; i++) agenda.place(first, NOW)
    join(agenda, "second", { looked: 0, due: 1 })
    join(agenda, "due", { looked: 1, due: 0 })
    // Two polls a second exceed the rate.
    assert.strictEqual(agenda.nextPoll(NOW, worker)?.by, "bulk")
  })

  it("sweeps a line that would take too long to be read, whatever the cadences say", () => {
    const agenda = new PollScheduler(20)
    for (let i = 0; i < 40; i++) join(agenda, `call${i}`, { looked: Infinity, due: 0 })
    agenda.rate = 5
    assert.strictEqual(agenda.nextPoll(NOW, worker)?.by, "individual")
    agenda.rate = 3
    assert.strictEqual(agenda.nextPoll(NOW, worker)?.calls.length, 20)
  })

  it("takes first what has been due for longest, and fills a sweep with what would be due next", () => {
    const agenda = new PollScheduler(4)
    agenda.rate = 0.1
    join(agenda, "later", { looked: 1, due: 9 })
    join(agenda, "soon", { looked: 1, due: 1 })
    join(agenda, "next", { looked: 1, due: 2 })
    join(agenda, "second", { looked: 2, due: -1 })
    join(agenda, "third", { looked: 2, due: -0.5 })
    assert.strictEqual(words(agenda.nextPoll(NOW, worker)), "bulk second third soon next")
    assert.isUndefined(agenda.nextPoll(NOW, worker))
  })

  it("reads single calls by themselves until they need more than half of the budget", () => {
    const agenda = new PollScheduler(10)
    for (let i = 0; i < 20; i++) join(agenda, `fleet${i}`, { looked: 1, due: 0 })
    join(agenda, "single", { looked: 1, due: 1, single: true })
    const single = join(agenda, "another", { looked: 1, due: -1, single: true })
    agenda.rate = 4
    const job = agenda.nextPoll(NOW, worker)
    assert.strictEqual(words(job), "individual another")
    putBack(agenda, job)
    agenda.rate = 0.1
    const sweep = agenda.nextPoll(NOW, worker)
    assert.strictEqual(sweep?.by, "bulk")
    assert.isTrue(sweep?.calls.includes(single))
  })

  it("leaves what rests out of a sweep that it is not due for", () => {
    const agenda = new PollScheduler(10)
    agenda.rate = 0.1
    const resting = join(agenda, "resting", { looked: 1, due: 5 })
    if (resting.first !== undefined) resting.first.backingOff = true
    join(agenda, "due", { looked: 1, due: 0 })
    join(agenda, "soon", { looked: 1, due: 1 })
    assert.strictEqual(words(agenda.nextPoll(NOW, worker)), "bulk due soon")
  })

  it("reads a call that would be swept alone", () => {
    const agenda = new PollScheduler(10)
    agenda.rate = 0.05
    join(agenda, "alone", { looked: 1, due: 0 })
    assert.strictEqual(words(agenda.nextPoll(NOW, worker)), "individual alone")
    assert.isTrue(agenda.isPollingInBulk)
  })

  it("gives spare requests to swept calls in turn, and none of them twice before its time", () => {
    const agenda = new PollScheduler(10)
    agenda.rate = 0.1
    for (const name of ["a", "b", "c"]) join(agenda, name, { looked: 1, due: 1 })
    join(agenda, "due", { looked: 1, due: 0 })
    agenda.nextPoll(NOW, worker)
    for (const call of agenda.calls.values()) {
      call.stage = "asleep"
      call.readAt = NOW - 60_000
      agenda.place(call, NOW)
    }
    const read = Array.from({ length: 5 }, () => {
      const job = agenda.nextBackground(NOW, worker)
      for (const call of job?.calls ?? []) call.readAt = NOW
      putBack(agenda, job)
      return words(job)
    })
    deepStrictEqual(read, ["individual a", "individual b", "individual c", "individual due", undefined])
  })
})

const [ended = assert.fail()] = FastCheck.sample(
  Arbitraries.call.filter((call) => Call.isTerminal(call) && !Call.hasDetails(call)),
  { numRuns: 1, seed: 1 }
)

/** A call whose end was told, and whose details are waited for. */
const joinEnded = (agenda: PollScheduler, name: string): void => {
  const sid = Schema.decodeSync(CallSid.CallSid)(name)
  const call = new WatchedCall(sid, NOW, () => assert.fail("no schedule is used"))
  agenda.calls.set(sid, call)
  const state = WatchState.begin(sid, Schema.decodeSync(WatchPolicy.WatchPolicy)({ details: true }), NOW)
  state.onBulkRecord(ended, NOW)
  call.add(new Watch(state, listener(false), NOW))
  agenda.place(call, NOW)
}

describe("the details of an ended call", () => {
  /** Three calls, swept a moment ago. */
  const swept = () => {
    const agenda = new PollScheduler(10)
    agenda.rate = 0.1
    for (const name of ["a", "b", "c"]) join(agenda, name, { looked: 1, due: name === "a" ? 0 : 1 })
    putBack(agenda, agenda.nextPoll(NOW, worker))
    return agenda
  }

  it("are read before swept calls are, and after whatever is due", () => {
    const agenda = swept()
    for (const call of agenda.calls.values()) call.readAt = NOW - 60_000
    joinEnded(agenda, "ended")
    assert.strictEqual(agenda.detailsWaiting, 1)
    const look = agenda.nextPoll(NOW, worker)
    assert.strictEqual(words(look), "bulk a b c")
    putBack(agenda, look)
    assert.strictEqual(words(agenda.nextBackground(NOW, worker)), "individual ended")
    assert.strictEqual(words(agenda.nextBackground(NOW, worker)), "individual a")
  })

  it("leave one spare request of twenty to a swept call that was not read for ten minutes, and to no other", () => {
    const agenda = swept()
    for (let i = 0; i < 100; i++) joinEnded(agenda, `ended${i}`)
    const forgotten = agenda.calls.get(Schema.decodeSync(CallSid.CallSid)("b"))
    if (forgotten !== undefined) forgotten.readAt = NOW - 600_000
    for (const name of ["a", "c"]) {
      const call = agenda.calls.get(Schema.decodeSync(CallSid.CallSid)(name))
      if (call !== undefined) call.readAt = NOW - 599_000
    }
    const read = Array.from({ length: 60 }, () => {
      const job = agenda.nextBackground(NOW, worker)
      for (const call of job?.calls ?? []) call.readAt = NOW
      return words(job)
    })
    assert.strictEqual(read.indexOf("individual b"), 19)
    assert.isTrue(read.every((each) => each === "individual b" || each?.startsWith("individual ended") === true))
    assert.strictEqual(new Set(read).size, 60)
  })
})

describe("a chain", () => {
  it("is a line like any other, out of which anybody can be taken", () =>
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(FastCheck.tuple(FastCheck.boolean(), FastCheck.nat(20)), { maxLength: 60 }),
        (steps) => {
          interface Item extends Link {
            readonly name: number
          }
          const items = Array.from({ length: 21 }, (_, name): Item => ({ name, before: undefined, after: undefined }))
          const chain = new LinkedList<Item>()
          let model: Array<number> = []
          for (const [adds, name] of steps) {
            const item = items[name] ?? assert.fail()
            if (adds && !model.includes(name)) {
              chain.push(item)
              model.push(name)
            } else if (!adds && model.includes(name)) {
              chain.remove(item)
              model = model.filter((other) => other !== name)
            }
            const found: Array<number> = []
            for (let each = chain.first; each !== undefined; each = each.after) found.push(each.name)
            deepStrictEqual(found, model)
            assert.strictEqual(chain.size, model.length)
          }
        }
      ),
      { numRuns: cases(500), seed: 3 }
    ))
})
