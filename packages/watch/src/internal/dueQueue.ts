/** A heap by due time, four children to a parent, from which an item can be taken out wherever it stands. */

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
    this.settle(item)
  }

  remove(item: A): void {
    const { position } = item
    if (position === -1) return
    item.position = -1
    const last = this.items.pop()
    if (last === undefined || last === item) return
    last.position = position
    this.settle(last)
  }

  /** Moves those who stand in the item's way, and then the item, once. */
  private settle(item: A): void {
    const { items } = this
    const { wakeAt } = item
    let position = item.position
    while (position > 0) {
      const parent = items[(position - 1) >> 2]
      if (parent === undefined || parent.wakeAt <= wakeAt) break
      const above = parent.position
      this.place(parent, position)
      position = above
    }
    for (;;) {
      let child: A | undefined
      const first = 4 * position + 1
      for (let index = first; index < first + 4 && index < items.length; index++) {
        const each = items[index]
        if (each !== undefined && (child === undefined || each.wakeAt < child.wakeAt)) child = each
      }
      if (child === undefined || child === item || child.wakeAt >= wakeAt) break
      const below = child.position
      this.place(child, position)
      position = below
    }
    this.place(item, position)
  }

  private place(item: A, position: number): void {
    this.items[position] = item
    item.position = position
  }
}
