/** The fleet that the processes of a test share. */
import { Fleet } from "@effect-exotel/cluster"
import { Duration, Either } from "effect"

export const processFleet = Either.getOrThrow(
  Fleet.make({ name: "processes", partitions: 16, policies: { default: { cadence: "3 seconds" } } })
)

export const REQUESTS_PER_MINUTE = 600

export const shardLockExpiration = Duration.seconds(15)
