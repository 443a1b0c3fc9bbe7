/** A doubly linked first-in, first-out queue with removal of any item in constant time. */

/** An item that can be in one list at a time. The list owns the fields. */
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

  get last(): A | undefined {
    return this.tail
  }

  push(item: A): void {
    item.before = this.tail
    item.after = undefined
    if (this.tail === undefined) this.head = item
    else this.tail.after = item
    this.tail = item
    this.count += 1
  }

  /** The item must be in this list. */
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
