/** The choice of the next poll. The time is a parameter. */
import { CallSid } from "@effect-exotel/core"
import { WatchPolicy } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { FastCheck, Schema } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { type Link, LinkedList } from "../src/internal/collections/linkedList.ts"
import { PollScheduler } from "../src/internal/engine/scheduler.ts"
import { type Job, type Listener, Watch, type WatchedCall } from "../src/internal/engine/watchedCall.ts"
import { WatchState } from "../src/internal/watch/watchState.ts"
import { endedRecord, NOW, watchedCall } from "./support/watchedCalls.ts"

const listener = (single: boolean): Listener => ({ single, onEvent: () => undefined, onFinished: () => undefined })

/** A call that was polled at a while ago and is due now, or in a while: in seconds. */
const join = (
  scheduler: PollScheduler,
  name: string,
  times: { polled: number; due: number; single?: boolean }
): WatchedCall => {
  const { call } = watchedCall(name, {
    dueAt: NOW.at + times.due * 1000,
    listener: listener(times.single === true)
  })
  scheduler.calls.set(call.sid, call)
  call.lastPollAt = NOW.at - times.polled * 1000
  scheduler.place(call, NOW)
  return call
}

const words = (job: Job | undefined) => job && `${job.by} ${job.calls.map(({ sid }) => sid).join(" ")}`

/** As when the answer has come, and the call is due again as before. */
const putBack = (scheduler: PollScheduler, job: Job | undefined): void => {
  for (const call of job?.calls ?? []) {
    call.job = undefined
    scheduler.place(call, NOW)
  }
}

describe("a scheduler", () => {
  it("reads as long as the demand of the cadences fits, bulk polls when it does not, and goes not back and forth", () => {
    const scheduler = new PollScheduler(100)
    for (const name of ["a", "b", "c"]) join(scheduler, name, { polled: 1, due: 0 })
    for (const name of ["d", "e", "f"]) join(scheduler, name, { polled: 0, due: 1 })
    // Each asks for one read a second; that of the calls in line counts from when they slept.
    const by = (rate: number) => {
      scheduler.rate = rate
      const job = scheduler.nextPoll(NOW)
      putBack(scheduler, job)
      return job?.by
    }
    deepStrictEqual([4, 3].map(by), ["individual", "individual"])
    deepStrictEqual([2.5, 3.2, 3.4].map(by), ["bulk", "bulk", "bulk"])
    deepStrictEqual([7.2, 6.1].map(by), ["individual", "individual"])
  })

  it("measures the lateness of the first due call against the wait of its cadence", () => {
    const scheduler = new PollScheduler(100)
    deepStrictEqual(scheduler.lateness(NOW), { lag: 0, wait: 0 })
    join(scheduler, "sleeping", { polled: 1, due: 1 })
    deepStrictEqual(scheduler.lateness(NOW), { lag: 0, wait: 0 })
    join(scheduler, "due", { polled: 8, due: -3 })
    deepStrictEqual(scheduler.lateness(NOW), { lag: 3000, wait: 5000 })
  })

  it("never polls in bulk if a bulk poll may have one call only", () => {
    const scheduler = new PollScheduler(1)
    scheduler.rate = 0.05
    for (const name of ["a", "b"]) join(scheduler, name, { polled: 1, due: 0 })
    assert.strictEqual(words(scheduler.nextPoll(NOW)), "individual a")
    assert.isFalse(scheduler.demand.isBulk)
  })

  it("counts the demand of a single call until it is removed", () => {
    const scheduler = new PollScheduler(100)
    scheduler.rate = 1.2
    const first = join(scheduler, "first", { polled: 0, due: 1 })
    for (let i = 0; i < 3; i++) scheduler.place(first, NOW)
    join(scheduler, "second", { polled: 0, due: 1 })
    join(scheduler, "due", { polled: 1, due: 0 })
    // Two polls a second exceed the rate.
    assert.strictEqual(scheduler.nextPoll(NOW)?.by, "bulk")
  })

  it("polls individually until the time from which bulk polls are allowed", () => {
    const scheduler = new PollScheduler(10)
    scheduler.rate = 0.05
    const by = (from: number) => {
      scheduler.demand.bulkAllowedFrom = from
      const job = scheduler.nextPoll(NOW)
      putBack(scheduler, job)
      return job?.by
    }
    for (const name of ["a", "b"]) join(scheduler, name, { polled: 1, due: 0 })
    deepStrictEqual([NOW.at + 1, NOW.at].map(by), ["individual", "bulk"])
  })

  it("bulk polls a line that would take too long to be read, whatever the cadences say", () => {
    const scheduler = new PollScheduler(20)
    for (let i = 0; i < 40; i++) join(scheduler, `call${i}`, { polled: Infinity, due: 0 })
    scheduler.rate = 4
    const job = scheduler.nextPoll(NOW)
    assert.strictEqual(job?.by, "individual")
    putBack(scheduler, job)
    scheduler.rate = 3
    assert.strictEqual(scheduler.nextPoll(NOW)?.calls.length, 20)
  })

  it("takes first what has been due for longest, and fills a bulk poll with what would be due next", () => {
    const scheduler = new PollScheduler(4)
    scheduler.rate = 0.1
    join(scheduler, "later", { polled: 1, due: 9 })
    join(scheduler, "soon", { polled: 1, due: 1 })
    join(scheduler, "next", { polled: 1, due: 2 })
    join(scheduler, "second", { polled: 2, due: -1 })
    join(scheduler, "third", { polled: 2, due: -0.5 })
    assert.strictEqual(words(scheduler.nextPoll(NOW)), "bulk second third soon next")
    assert.isUndefined(scheduler.nextPoll(NOW))
  })

  it("reads single calls by themselves until they need more than half of the budget", () => {
    const scheduler = new PollScheduler(30)
    const single = join(scheduler, "another", { polled: 1, due: -1, single: true })
    for (let i = 0; i < 20; i++) join(scheduler, `fleet${i}`, { polled: 1, due: 0 })
    join(scheduler, "single", { polled: 1, due: 1, single: true })
    scheduler.rate = 4
    const job = scheduler.nextPoll(NOW)
    assert.strictEqual(words(job), "individual another")
    putBack(scheduler, job)
    scheduler.rate = 0.1
    const bulkPoll = scheduler.nextPoll(NOW)
    assert.strictEqual(bulkPoll?.by, "bulk")
    assert.isTrue(bulkPoll?.calls.includes(single))
  })

  it("polls single watches in bulk above half of the rate, and individually again below two fifths of it", () => {
    const scheduler = new PollScheduler(100)
    join(scheduler, "due", { polled: 1, due: 0, single: true })
    // One poll a second each: four of single watches, twenty of a fleet.
    for (let i = 0; i < 4; i++) join(scheduler, `single${i}`, { polled: 0, due: 1, single: true })
    for (let i = 0; i < 20; i++) join(scheduler, `fleet${i}`, { polled: 0, due: 1 })
    const by = (rate: number) => {
      scheduler.rate = rate
      const job = scheduler.nextPoll(NOW)
      putBack(scheduler, job)
      return job?.by
    }
    deepStrictEqual([8, 7.9, 9, 10, 9].map(by), ["individual", "bulk", "bulk", "individual", "individual"])
  })

  describe("counts the due calls of single watches, which are polled in bulk if reading them takes more than ten seconds", () => {
    /** Calls without a cadence yet, so that only their number counts. */
    const due = (scheduler: PollScheduler, name: string, count: number, single: boolean) =>
      Array.from({ length: count }, (_, i) => join(scheduler, `${name}${i}`, { polled: Infinity, due: 0, single }))

    const withDue = (ofSingleWatches: number) => {
      const scheduler = new PollScheduler(100)
      scheduler.rate = 3
      return {
        scheduler,
        ofSingleWatches: due(scheduler, "single", ofSingleWatches, true),
        fleet: due(scheduler, "fleet", 40, false)
      }
    }

    it("when they become due and when they are polled", () => {
      assert.strictEqual(withDue(30).scheduler.nextPoll(NOW)?.by, "individual")
      const { fleet, scheduler, ofSingleWatches } = withDue(31)
      const job = scheduler.nextPoll(NOW)
      assert.strictEqual(job?.calls.length, 71)
      putBack(scheduler, job)
      assert.strictEqual(scheduler.nextPoll(NOW)?.calls.length, 71)
      putBack(scheduler, { by: "bulk", calls: [...ofSingleWatches.slice(0, 30), ...fleet], fiber: undefined })
      assert.strictEqual(scheduler.nextPoll(NOW)?.by, "individual")
    })

    it("when their watch ends", () => {
      const { scheduler, ofSingleWatches } = withDue(31)
      for (const call of ofSingleWatches.slice(0, 1)) {
        for (const watch of call.watches) call.delete(watch)
        scheduler.place(call, NOW)
      }
      assert.strictEqual(scheduler.nextPoll(NOW)?.by, "individual")
    })

    it("and neither those that sleep nor those whose details are due", () => {
      const { scheduler } = withDue(30)
      const ended = joinEnded(scheduler, "ended", { due: 1, single: true })
      scheduler.place(ended, { at: NOW.at + 1000, date: NOW.date + 1000 })
      const sleeping = join(scheduler, "sleeping", { polled: Infinity, due: 5 })
      const state = WatchState.begin(sleeping.sid, WatchPolicy.standard, NOW.date)
      sleeping.add(new Watch(state, listener(true), NOW.at + 5000))
      scheduler.place(sleeping, NOW)
      assert.strictEqual(scheduler.nextPoll(NOW)?.by, "individual")
    })

    it("when a single watch of a call of a fleet begins or ends", () => {
      const byAfterEndOf = (ended: number) => {
        const { fleet, scheduler } = withDue(0)
        for (const [i, call] of fleet.slice(0, 31).entries()) {
          const watch = new Watch(WatchState.begin(call.sid, WatchPolicy.standard, NOW.date), listener(true), NOW.at)
          call.add(watch)
          scheduler.place(call, NOW)
          if (i < 31 - ended) continue
          call.delete(watch)
          scheduler.place(call, NOW)
        }
        return scheduler.nextPoll(NOW)?.by
      }
      deepStrictEqual([0, 1].map(byAfterEndOf), ["bulk", "individual"])
    })
  })

  it("leaves single calls out of a bulk poll while they are read by themselves", () => {
    const scheduler = new PollScheduler(30)
    join(scheduler, "first", { polled: 1, due: -1 })
    join(scheduler, "single", { polled: 20, due: 0, single: true })
    for (let i = 0; i < 20; i++) join(scheduler, `fleet${i}`, { polled: 1, due: 0 })
    scheduler.rate = 2
    const job = scheduler.nextPoll(NOW)
    assert.strictEqual(job?.by, "bulk")
    assert.strictEqual(job?.calls.length, 21)
    assert.strictEqual(words(scheduler.nextPoll(NOW)), "individual single")
  })

  it("does not poll a call whose limit has passed, and wakes it at once", () => {
    const scheduler = new PollScheduler(10)
    const call = join(scheduler, "expired", { polled: 1, due: 5 })
    const policy = Schema.decodeSync(WatchPolicy.WatchPolicy)({ deadline: "10 seconds" })
    call.add(new Watch(WatchState.begin(call.sid, policy, NOW.date - 10_000), listener(false), NOW.at))
    scheduler.place(call, NOW)
    assert.isUndefined(scheduler.nextPoll(NOW))
    assert.strictEqual(scheduler.woken(NOW), call)
  })

  it("keeps a new watch of a call whose former poll ends", () => {
    const scheduler = new PollScheduler(10)
    const former = join(scheduler, "a", { polled: 1, due: 0 })
    const latter = join(scheduler, "a", { polled: 1, due: 0 })
    for (const watch of former.watches) former.delete(watch)
    scheduler.place(former, NOW)
    deepStrictEqual([...scheduler.calls.values()], [latter])
  })

  it("leaves what is backing off out of a bulk poll that it is not due for", () => {
    const scheduler = new PollScheduler(10)
    scheduler.rate = 0.1
    const backingOff = join(scheduler, "backingOff", { polled: 1, due: 5 })
    for (const watch of backingOff.watches) watch.backingOff = true
    join(scheduler, "due", { polled: 1, due: 0 })
    join(scheduler, "soon", { polled: 1, due: 1 })
    assert.strictEqual(words(scheduler.nextPoll(NOW)), "bulk due soon")
  })

  it("reads a call that would be polled in bulk alone, and adds it to no bulk poll meanwhile", () => {
    const scheduler = new PollScheduler(10)
    scheduler.rate = 0.05
    join(scheduler, "alone", { polled: 1, due: 0 })
    assert.strictEqual(words(scheduler.nextPoll(NOW)), "individual alone")
    assert.isTrue(scheduler.demand.isBulk)
    for (const name of ["a", "b"]) join(scheduler, name, { polled: 1, due: 0 })
    assert.strictEqual(words(scheduler.nextPoll(NOW)), "bulk a b")
  })

  it("gives available requests to bulk-polled calls in turn, and none of them twice before its time", () => {
    const scheduler = new PollScheduler(10)
    scheduler.rate = 0.1
    for (const name of ["a", "b", "c"]) join(scheduler, name, { polled: 1, due: 1 })
    join(scheduler, "due", { polled: 1, due: 0 })
    scheduler.nextPoll(NOW)
    for (const call of scheduler.calls.values()) {
      call.job = undefined
      call.readAt = NOW.at - 60_000
      scheduler.place(call, NOW)
    }
    const read = Array.from({ length: 5 }, () => {
      const job = scheduler.nextBackground(NOW)
      for (const call of job?.calls ?? []) call.readAt = NOW.at
      putBack(scheduler, job)
      return words(job)
    })
    deepStrictEqual(read, ["individual a", "individual b", "individual c", "individual due", undefined])
  })

  it("reads a bulk-polled call when it has been unread for the wait of its cadence, and not before", () => {
    const scheduler = new PollScheduler(10)
    scheduler.rate = 0.1
    const call = join(scheduler, "a", { polled: 1, due: 2 })
    join(scheduler, "due", { polled: 1, due: 0 })
    assert.isFalse(scheduler.hasBackgroundWork)
    scheduler.nextPoll(NOW)
    assert.isTrue(scheduler.hasBackgroundWork)
    for (const each of scheduler.calls.values()) each.readAt = NOW.at
    // The bulk poll did not include it: it is due two seconds after its last poll.
    call.job = undefined
    scheduler.place(call, NOW)
    call.readAt = NOW.at - 1999
    assert.isUndefined(scheduler.nextBackground(NOW))
    call.readAt = NOW.at - 2000
    assert.strictEqual(words(scheduler.nextBackground(NOW)), "individual a")
  })

  it("gives no available request to a call that is backing off", () => {
    const scheduler = new PollScheduler(10)
    scheduler.rate = 0.1
    for (const name of ["a", "b"]) join(scheduler, name, { polled: 1, due: 0 })
    putBack(scheduler, scheduler.nextPoll(NOW))
    for (const call of scheduler.calls.values()) {
      call.readAt = NOW.at - 60_000
      for (const watch of call.watches) watch.backingOff = call.sid === "a"
    }
    assert.strictEqual(words(scheduler.nextBackground(NOW)), "individual b")
    assert.isUndefined(scheduler.nextBackground(NOW))
  })

  it("gives no available request to a call whose poll is in flight", () => {
    const scheduler = new PollScheduler(10)
    scheduler.rate = 0.1
    for (const name of ["a", "b"]) join(scheduler, name, { polled: 1, due: 0 })
    const job = scheduler.nextPoll(NOW)
    assert.strictEqual(words(job), "bulk a b")
    for (const call of scheduler.calls.values()) call.readAt = NOW.at - 60_000
    assert.isUndefined(scheduler.nextBackground(NOW))
    putBack(scheduler, job)
    assert.strictEqual(words(scheduler.nextBackground(NOW)), "individual a")
    assert.strictEqual(words(scheduler.nextBackground(NOW)), "individual b")
    assert.isUndefined(scheduler.nextBackground(NOW))
  })
})

/** A call whose end was emitted, and whose details are waited for. */
const joinEnded = (
  scheduler: PollScheduler,
  name: string,
  { due = 0, single = false }: { due?: number; single?: boolean } = {}
): WatchedCall => {
  const { call, state } = watchedCall(name, {
    dueAt: NOW.at + due * 1000,
    listener: listener(single),
    policy: { details: true }
  })
  scheduler.calls.set(call.sid, call)
  state.onBulkRecord(endedRecord(name), NOW.date)
  scheduler.place(call, NOW)
  return call
}

describe("the details of an ended call", () => {
  /** Three calls, polled in bulk a moment ago. */
  const bulkPolled = () => {
    const scheduler = new PollScheduler(10)
    scheduler.rate = 0.1
    for (const name of ["a", "b", "c"]) join(scheduler, name, { polled: 1, due: name === "a" ? 0 : 1 })
    putBack(scheduler, scheduler.nextPoll(NOW))
    return scheduler
  }

  it("are read before bulk-polled calls are, and after whatever is due", () => {
    const scheduler = bulkPolled()
    for (const call of scheduler.calls.values()) call.readAt = NOW.at - 60_000
    joinEnded(scheduler, "ended")
    assert.strictEqual(scheduler.detailsWaiting, 1)
    const poll = scheduler.nextPoll(NOW)
    assert.strictEqual(words(poll), "bulk a b c")
    putBack(scheduler, poll)
    assert.strictEqual(words(scheduler.nextBackground(NOW)), "individual ended")
    assert.strictEqual(words(scheduler.nextBackground(NOW)), "individual a")
  })

  it("are read when they are due, and not before", () => {
    const scheduler = bulkPolled()
    const call = joinEnded(scheduler, "ended", { due: 5 })
    deepStrictEqual([call.wakeAt, scheduler.detailsWaiting], [NOW.at + 5000, 0])
    scheduler.place(call, { at: NOW.at + 5000, date: NOW.date + 5000 })
    assert.strictEqual(scheduler.detailsWaiting, 1)
  })

  it("keep their place when their call is placed again", () => {
    const scheduler = new PollScheduler(10)
    scheduler.rate = 1
    const first = joinEnded(scheduler, "first")
    joinEnded(scheduler, "second")
    scheduler.place(first, NOW)
    assert.strictEqual(words(scheduler.nextBackground(NOW)), "individual first")
  })

  it("are read newest first while more wait than can be read in twenty seconds", () => {
    const scheduler = new PollScheduler(10)
    scheduler.rate = 0.1
    for (let i = 0; i < 4; i++) joinEnded(scheduler, `ended${i}`)
    deepStrictEqual(
      Array.from({ length: 4 }, () => words(scheduler.nextBackground(NOW))),
      ["individual ended3", "individual ended2", "individual ended0", "individual ended1"]
    )
  })

  it("leave one background request in twenty to a bulk-polled call that was not read for ten minutes, and to no other", () => {
    const scheduler = bulkPolled()
    for (let i = 0; i < 100; i++) joinEnded(scheduler, `ended${i}`)
    const forgotten = scheduler.calls.get(Schema.decodeSync(CallSid.CallSid)("b"))
    if (forgotten !== undefined) forgotten.readAt = NOW.at - 600_000
    for (const name of ["a", "c"]) {
      const call = scheduler.calls.get(Schema.decodeSync(CallSid.CallSid)(name))
      if (call !== undefined) call.readAt = NOW.at - 599_000
    }
    const read = Array.from({ length: 60 }, () => {
      const job = scheduler.nextBackground(NOW)
      for (const call of job?.calls ?? []) call.readAt = NOW.at
      return words(job)
    })
    assert.strictEqual(read.indexOf("individual b"), 19)
    assert.isTrue(read.every((each) => each === "individual b" || each?.startsWith("individual ended") === true))
    assert.strictEqual(new Set(read).size, 60)
  })
})

describe("a linked list", () => {
  it("keeps its order, and any entry can be removed", () =>
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(FastCheck.tuple(FastCheck.boolean(), FastCheck.nat(20)), { maxLength: 60 }),
        (steps) => {
          interface Item extends Link {
            readonly name: number
          }
          const items = Array.from({ length: 21 }, (_, name): Item => ({ name, before: undefined, after: undefined }))
          const list = new LinkedList<Item>()
          let model: Array<number> = []
          for (const [adds, name] of steps) {
            const item = items[name] ?? assert.fail()
            if (adds && !model.includes(name)) {
              list.push(item)
              model.push(name)
            } else if (!adds && model.includes(name)) {
              list.remove(item)
              model = model.filter((other) => other !== name)
            }
            const found: Array<number> = []
            for (let each = list.first; each !== undefined; each = each.after) found.push(each.name)
            deepStrictEqual(found, model)
            assert.strictEqual(list.size, model.length)
          }
        }
      ),
      { numRuns: cases(500), seed: 3 }
    ))
})
