/** A binary heap by due time, from which an item can be taken out wherever it stands. */

export interface Due {
  /** Milliseconds since 1970. */
  wakeAt: number
  /** Where the item stands in its queue; -1 while it is in none. Kept by the queue. */
  position: number
}

export class DueQueue<A extends Due> {
  private readonly items: Array<A> = []

  get size(): number {
    return this.items.length
  }

  peek(): A | undefined {
    return this.items[0]
  }

  /** Adds the item, or moves it to where its changed due time belongs. */
  set(item: A): void {
    if (item.position === -1) {
      item.position = this.items.length
      this.items.push(item)
    }
    this.up(item)
    this.down(item)
  }

  remove(item: A): void {
    const { position } = item
    if (position === -1) return
    item.position = -1
    const last = this.items.pop()
    if (last === undefined || last === item) return
    this.place(last, position)
    this.up(last)
    this.down(last)
  }

  private place(item: A, position: number): void {
    this.items[position] = item
    item.position = position
  }

  private up(item: A): void {
    while (item.position > 0) {
      const parent = this.items[(item.position - 1) >> 1]
      if (parent === undefined || parent.wakeAt <= item.wakeAt) return
      this.swap(parent, item)
    }
  }

  private down(item: A): void {
    for (;;) {
      const left = this.items[2 * item.position + 1]
      const right = this.items[2 * item.position + 2]
      const child = left !== undefined && right !== undefined && right.wakeAt < left.wakeAt ? right : left
      if (child === undefined || child.wakeAt >= item.wakeAt) return
      this.swap(item, child)
    }
  }

  /** The lower one of the two moves up, the upper one down. */
  private swap(upper: A, lower: A): void {
    const position = upper.position
    this.place(upper, lower.position)
    this.place(lower, position)
  }
}
