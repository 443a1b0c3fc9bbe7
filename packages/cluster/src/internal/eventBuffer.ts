/** The events that wait for the writer. Its size is bounded: a full buffer holds back those who add. */
import * as Effect from "effect/Effect"
import type { EventRow } from "./eventRow.ts"
import type { OwnedPartition } from "./ownedPartition.ts"

export interface Item {
  readonly partition: OwnedPartition
  readonly row: EventRow
}

export class EventBuffer {
  private readonly capacity: number
  private readonly items: Array<Item> = []
  private readonly arrived = Effect.unsafeMakeLatch()
  private readonly hasCapacity = Effect.unsafeMakeLatch(true)

  constructor(capacity: number) {
    this.capacity = capacity
  }

  get size(): number {
    return this.items.length
  }

  /** Adds the events, and waits while the buffer is full. */
  offer(items: ReadonlyArray<Item>): Effect.Effect<void> {
    return Effect.suspend(() => {
      for (const item of items) this.items.push(item)
      if (items.length > 0) this.arrived.unsafeOpen()
      if (this.items.length >= this.capacity) this.hasCapacity.unsafeClose()
      return this.hasCapacity.await
    })
  }

  take(limit: number): ReadonlyArray<Item> {
    const taken = this.items.splice(0, limit)
    if (this.items.length === 0) this.arrived.unsafeClose()
    if (this.items.length < this.capacity) this.hasCapacity.unsafeOpen()
    return taken
  }

  /** Wakes the writer, although there may be no event. */
  readonly wake = this.arrived.open

  /** Waits until there is something to take. */
  readonly await = this.arrived.await
}
