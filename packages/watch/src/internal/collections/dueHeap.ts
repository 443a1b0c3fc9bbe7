/**
 * A heap by due time with four children per node, from which any item can be removed. The times are stored
 * beside the items, because loading each of a hundred thousand items costs more than comparing it.
 */

export interface Due {
  /** Milliseconds since 1970. */
  wakeAt: number
  /** The index of the item in its heap, or -1. The heap owns this field. */
  position: number
}

export class DueHeap<A extends Due> {
  private readonly items: Array<A> = []
  private readonly times: Array<number> = []

  get size(): number {
    return this.items.length
  }

  peek(): A | undefined {
    return this.items[0]
  }

  /** Adds the item, or moves it after its due time has changed. */
  set(item: A): void {
    if (item.position === -1) {
      item.position = this.items.length
      this.items.push(item)
      this.times.push(item.wakeAt)
    }
    this.settle(item)
  }

  remove(item: A): void {
    const { position } = item
    if (position === -1) return
    item.position = -1
    const last = this.items.pop()
    this.times.pop()
    if (last === undefined || last === item) return
    last.position = position
    this.settle(last)
  }

  /** Moves the items in between, and then the item once. */
  private settle(item: A): void {
    const { items, times } = this
    const { wakeAt } = item
    let position = item.position
    while (position > 0) {
      const parent = (position - 1) >> 2
      if ((times[parent] ?? 0) <= wakeAt) break
      this.move(parent, position)
      position = parent
    }
    for (;;) {
      const first = 4 * position + 1
      const end = Math.min(first + 4, items.length)
      let child = -1
      let earliest = wakeAt
      for (let index = first; index < end; index++) {
        const time = times[index] ?? 0
        if (time < earliest) {
          child = index
          earliest = time
        }
      }
      if (child === -1) break
      this.move(child, position)
      position = child
    }
    this.place(item, wakeAt, position)
  }

  private move(from: number, to: number): void {
    const item = this.items[from]
    if (item !== undefined) this.place(item, this.times[from] ?? 0, to)
  }

  private place(item: A, wakeAt: number, position: number): void {
    this.items[position] = item
    this.times[position] = wakeAt
    item.position = position
  }
}
