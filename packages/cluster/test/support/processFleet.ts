/** The fleet that the processes of a test share, in the size of the test. */
import { Fleet } from "@effect-exotel/cluster"
import { Duration, Either } from "effect"

export const settings = (share: number) => {
  /** Times become shorter by less than numbers do: a busy machine loses locks that expire sooner. */
  const pace = Math.max(share, 1 / 3)
  return {
    calls: Math.ceil(300 * share),
    requestsPerMinute: Math.max(300, 600 * share),
    shardLockRefreshInterval: Duration.seconds(10 * pace),
    shardLockExpiration: Duration.seconds(15 * pace),
    outage: Duration.seconds(10 * pace),
    /** Calls end at any time of the disturbance, and after it. */
    talk: (part: number) => Duration.seconds((3 + (share === 1 ? 40 : 25) * part) * pace),
    /** Two polls of a call. */
    twoPolls: Duration.seconds(6 * pace),
    fleet: Either.getOrThrow(
      Fleet.make({
        name: "processes",
        // A hash assigns them to the two runners: of eight, one runner gets none for 1 of 200 pairs of addresses.
        partitions: 16,
        policies: { default: { cadence: Duration.seconds(3 * pace) } }
      })
    )
  }
}
