/** The queue of due times against a plain sorted list. */
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { FastCheck } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { DueHeap } from "../src/internal/collections/dueHeap.ts"

interface Item {
  wakeAt: number
  position: number
}

/** What is done to one of a few items: given a due time, or taken out. */
const operations = FastCheck.array(
  FastCheck.record({
    item: FastCheck.nat(11),
    wakeAt: FastCheck.option(FastCheck.oneof(FastCheck.integer({ min: 0, max: 20 }), FastCheck.constant(Infinity)))
  }),
  { maxLength: 120 }
)

describe("due heap", () => {
  it("has the item that is due first at its head, whatever was added, moved or taken out", () => {
    FastCheck.assert(
      FastCheck.property(operations, (operations) => {
        const items = Array.from({ length: 12 }, (): Item => ({ wakeAt: 0, position: -1 }))
        const queue = new DueHeap<Item>()
        const queued = new Set<Item>()
        for (const { item: index, wakeAt } of operations) {
          const item = items[index]
          if (item === undefined) continue
          if (wakeAt === null) {
            queue.remove(item)
            queued.delete(item)
          } else {
            item.wakeAt = wakeAt
            queue.set(item)
            queued.add(item)
          }
          assert.strictEqual(queue.size, queued.size)
          assert.strictEqual(queue.peek()?.wakeAt, [...queued].map((each) => each.wakeAt).sort((a, b) => a - b)[0])
          for (const each of items) assert.strictEqual(each.position === -1, !queued.has(each))
        }
        const drained: Array<number> = []
        for (let next = queue.peek(); next !== undefined; next = queue.peek()) {
          drained.push(next.wakeAt)
          queue.remove(next)
        }
        deepStrictEqual(drained, [...queued].map((each) => each.wakeAt).sort((a, b) => a - b))
      }),
      { numRuns: cases(2000) }
    )
  })
})
