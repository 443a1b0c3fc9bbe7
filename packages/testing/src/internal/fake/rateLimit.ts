/** So many requests in any sixty seconds, per account. */

const WINDOW_MILLIS = 60_000

export class SlidingMinute {
  private readonly limit: number
  private times: Array<number> = []
  private head = 0

  constructor(limit: number) {
    this.limit = limit
  }

  /** 0 when the request is admitted; otherwise the milliseconds until one would be. Refused requests do not count. */
  admit(now: number): number {
    if (this.limit === Infinity) return 0
    while (this.head < this.times.length && (this.times[this.head] ?? 0) <= now - WINDOW_MILLIS) this.head++
    if (this.head > 1024 && this.head * 2 > this.times.length) {
      this.times = this.times.slice(this.head)
      this.head = 0
    }
    if (this.times.length - this.head < this.limit) {
      this.times.push(now)
      return 0
    }
    return (this.times[this.head] ?? now) + WINDOW_MILLIS - now
  }
}
