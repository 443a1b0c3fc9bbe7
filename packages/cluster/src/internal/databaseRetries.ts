/** The waits between attempts while the database is unavailable, which may take any time. */
import * as Schedule from "effect/Schedule"

export const databaseRetries = Schedule.exponential("200 millis").pipe(Schedule.union(Schedule.spaced("5 seconds")))
