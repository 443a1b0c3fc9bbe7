/** A first-in, first-out line from which anybody can be taken out wherever they stand, at the same small price. */

/** Something that can stand in one line at a time. The fields are the line's. */
export interface Link {
  before: this | undefined
  after: this | undefined
}

export class LinkedList<A extends Link> {
  private head: A | undefined = undefined
  private tail: A | undefined = undefined
  private count = 0

  get size(): number {
    return this.count
  }

  get first(): A | undefined {
    return this.head
  }

  push(item: A): void {
    item.before = this.tail
    item.after = undefined
    if (this.tail === undefined) this.head = item
    else this.tail.after = item
    this.tail = item
    this.count += 1
  }

  /** Only what stands in this line may be removed from it. */
  remove(item: A): void {
    if (item.before === undefined) this.head = item.after
    else item.before.after = item.after
    if (item.after === undefined) this.tail = item.before
    else item.after.before = item.before
    item.before = undefined
    item.after = undefined
    this.count -= 1
  }
}
