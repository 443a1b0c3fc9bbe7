/** The state that the parts of a runner share. */
import type { OwnedPartitions } from "./ownedPartition.ts"
import type { Tables } from "./tables.ts"

export interface RunnerState {
  /** The name of the fleet. */
  readonly fleet: string
  readonly tables: Tables
  readonly owned: OwnedPartitions
}
