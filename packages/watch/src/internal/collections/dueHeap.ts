/** A binary heap by due time, from which any item can be removed. */

export interface Due {
  /** In milliseconds. Changed only before `set`. */
  wakeAt: number
  /** The index of the item in its heap, or -1. The heap owns this field. */
  position: number
}

export class DueHeap<A extends Due> {
  private readonly items: Array<A> = []

  get size(): number {
    return this.items.length
  }

  peek(): A | undefined {
    return this.items[0]
  }

  /** Adds the item, or moves it after its due time has changed. */
  set(item: A): void {
    this.settle(item, item.position === -1 ? this.items.length : item.position)
  }

  remove(item: A): void {
    const { position } = item
    if (position === -1) return
    item.position = -1
    const last = this.items.pop()
    if (last !== undefined && last !== item) this.settle(last, position)
  }

  /** Moves the items in between, and then the item once. */
  private settle(item: A, from: number): void {
    const { items } = this
    let position = from
    for (let parent = items[(position - 1) >> 1]; position > 0; parent = items[(position - 1) >> 1]) {
      if (parent === undefined || parent.wakeAt <= item.wakeAt) break
      const { position: next } = parent
      this.put(parent, position)
      position = next
    }
    for (;;) {
      const left = items[2 * position + 1]
      const right = items[2 * position + 2]
      const child = right !== undefined && left !== undefined && right.wakeAt < left.wakeAt ? right : left
      if (child === undefined || child.wakeAt >= item.wakeAt) break
      const { position: next } = child
      this.put(child, position)
      position = next
    }
    this.put(item, position)
  }

  private put(item: A, position: number): void {
    this.items[position] = item
    item.position = position
  }
}
