/** Suggests the placed sid that is most similar to an unknown one, and names the difference. */

/** The number of places at which texts of one length differ; Infinity for other lengths. */
const differences = (a: string, b: string): number => {
  if (a.length !== b.length) return Infinity
  let count = 0
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) count++
  return count
}

const MOST_COMPARED = 10_000

export const suggestSid = (sid: string, placed: Iterable<string>, size: number): string => {
  let compared = 0
  for (const other of placed) {
    if (++compared > MOST_COMPARED) break
    if (other.toLowerCase() === sid.toLowerCase()) return `no call ${sid}; ${other} differs only in case`
    if (other.startsWith(sid)) return `no call ${sid}; it is the beginning of ${other}`
    if (sid.startsWith(other)) return `no call ${sid}; it begins with ${other}`
    const count = differences(sid, other)
    if (count <= 3) {
      return `no call ${sid}; ${other} differs in ${count === 1 ? "one character" : `${count} characters`}`
    }
  }
  return size === 0 ? `no call ${sid}; none was placed` : `no call ${sid}, nor one like it, among the ${size} placed`
}
