/**
 * How late a fleet tells of the ends of its calls, by the number of calls and the budget: on the virtual clock, over the
 * fake wire, so each run gives the same figures. Beside each stands what could be had at best with the same requests, and
 * what is wanted; a figure that misses it fails the benchmark.
 */
import { WatchPolicy } from "@effect-exotel/watch"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { type Centre, percentile, type Report, simulate } from "./lib/centre.ts"
import { smoke, table } from "./lib/measure.ts"

/** Seconds, at the median and at the 95th percentile. */
type Delays = readonly [p50: number, p95: number]

interface Scenario {
  readonly name: string
  readonly centre: Omit<Centre, "meanSeconds">
  /** With all that the limit allows spent on sweeps, or on what the name says. */
  readonly best: Delays
  readonly wanted: Delays
  readonly inSmoke?: boolean
  /** What else must hold. */
  readonly check?: (report: Report) => ReadonlyArray<string>
}

const MEAN_SECONDS = 180

/** Every call is asked for once in so many seconds; its end is found after half of that on average. */
const bySweeps = (calls: number, requestsPerMinute: number, sweepSize: number, lag = 0): Delays => {
  const cycle = calls / sweepSize / requestsPerMinute * 60
  return [lag + cycle / 2, lag + cycle * 0.95]
}

const every = (seconds: number) => ({ cadence: WatchPolicy.every(`${seconds} seconds`) })

/** An ended call that the bulk read does not show yet is swept on: the longer it lags, the more there are. */
const lagging = (calls: number, lag: number) => calls * (1 + lag / MEAN_SECONDS)

const thousand = (sweepSize: number, bulkLagSeconds: number, wanted: Delays): Scenario => ({
  name: `1,000 calls, sweeps of ${sweepSize}${bulkLagSeconds === 0 ? "" : `, bulk read ${bulkLagSeconds} s behind`}`,
  centre: {
    calls: 1000,
    requestsPerMinute: 200,
    sweepSize,
    bulkLagSeconds,
    policy: every(3),
    minutes: bulkLagSeconds === 60 ? 5 : 4
  },
  best: bySweeps(lagging(1000, bulkLagSeconds), 200, sweepSize, bulkLagSeconds),
  wanted: [
    bulkLagSeconds + lagging(wanted[0], bulkLagSeconds),
    bulkLagSeconds + lagging(wanted[1], bulkLagSeconds)
  ]
})

/** What the sweeps leave is 133 reads of details a minute, so that many ends there are. */
const withDetails: Scenario = {
  name: "400 calls with details",
  centre: {
    calls: 400,
    requestsPerMinute: 200,
    policy: { ...every(6), details: true },
    minutes: 10
  },
  best: bySweeps(400, 200 - 400 / 3, 100),
  wanted: [8, 8],
  inSmoke: true,
  check: ({ details, detailsSkipped }) => [
    ...(percentile(details, 0.95) <= 20 ? [] : ["details later than 20 s after the end"]),
    ...(detailsSkipped === 0 ? [] : ["details skipped"])
  ]
}

const scenarios: ReadonlyArray<Scenario> = [
  { ...thousand(100, 0, [4, 8]), inSmoke: true },
  thousand(100, 10, [4, 8]),
  thousand(100, 60, [4, 8]),
  thousand(20, 0, [10, 20]),
  thousand(20, 10, [10, 20]),
  thousand(20, 60, [10, 20]),
  {
    name: "1,000 calls, sweeps of 100, each 5 s",
    centre: { calls: 1000, requestsPerMinute: 200, policy: every(5), minutes: 4 },
    best: bySweeps(1000, 200, 100),
    wanted: [4, 8]
  },
  withDetails,
  {
    name: "1,000 calls with details (overload)",
    centre: { calls: 1000, requestsPerMinute: 200, policy: { ...every(5), details: true }, minutes: 14 },
    best: bySweeps(1000, 200, 100),
    wanted: [4, 8],
    check: ({ details, longestBacklog }) => [
      // Whoever waits longer than `detailsLimit`, 5 minutes, is given up; 333 calls end in each.
      ...(longestBacklog <= 333 * 5 * 1.15 ? [] : [`a backlog of ${longestBacklog}`]),
      ...(percentile(details, 1) <= 301 ? [] : ["details later than their limit"])
    ]
  },
  {
    name: "20 calls, read one by one (default policy)",
    centre: { calls: 20, requestsPerMinute: 200, policy: WatchPolicy.standard, minutes: 15 },
    // The policy is the price here, not the budget: a tenth of the age of the call, 5 s at least.
    best: [2.5, 20],
    wanted: [9, 30],
    inSmoke: true,
    check: ({ changes }) => percentile(changes, 0.95) <= 5.5 ? [] : ["changes seen later than the cadence"]
  },
  {
    name: "100,000 calls, 5,000 requests a minute",
    centre: { calls: 100_000, requestsPerMinute: 5000, concurrency: 64, policy: every(12), minutes: 2 },
    best: bySweeps(100_000, 5000, 100),
    wanted: [20, 20]
  }
]

const seconds = (value: number): string => Number.isNaN(value) ? "" : value.toFixed(1)

const delays = (sorted: ReadonlyArray<number>): string =>
  sorted.length === 0 ? "" : `${seconds(percentile(sorted, 0.5))} / ${seconds(percentile(sorted, 0.95))}`

const problems = ({ centre, check, wanted }: Scenario, report: Report): ReadonlyArray<string> => [
  ...(report.untold === 0 ? [] : [`${report.untold} endings not told`]),
  ...(report.toldTwice === 0 ? [] : [`${report.toldTwice} endings told twice`]),
  ...(report.refused === 0 ? [] : [`${report.refused} answers with 429`]),
  ...(report.busiestMinute <= centre.requestsPerMinute ? [] : [`${report.busiestMinute} requests in a minute`]),
  ...(percentile(report.endings, 0.5) <= wanted[0] ? [] : ["median too late"]),
  ...(percentile(report.endings, 0.95) <= wanted[1] ? [] : ["95th percentile too late"]),
  ...(check?.(report) ?? [])
]

const program = Effect.gen(function*() {
  const short = yield* smoke
  const failed: Array<string> = []
  const rows: Array<ReadonlyArray<string>> = []
  for (const scenario of scenarios) {
    if (short && scenario.inSmoke !== true) continue
    const centre = { ...scenario.centre, meanSeconds: MEAN_SECONDS }
    const report = yield* simulate(short ? { ...centre, minutes: 3 } : centre)
    failed.push(...problems(scenario, report).map((problem) => `${scenario.name}: ${problem}`))
    rows.push([
      scenario.name,
      delays(report.endings),
      scenario.best.map(seconds).join(" / "),
      (percentile(report.endings, 0.95) / scenario.best[1]).toFixed(2),
      scenario.wanted.map(seconds).join(" / "),
      delays(report.details),
      report.detailsSkipped === 0 ? "" : String(report.detailsSkipped),
      String(report.longestBacklog || ""),
      delays(report.changes),
      `${report.sweeps} / ${report.requests}`,
      `${report.busiestMinute} of ${centre.requestsPerMinute}`,
      String(report.ended)
    ])
  }
  yield* Console.log("Seconds from a call's end to its being told, p50 / p95; calls of 3 minutes' mean length\n")
  yield* Console.log(table([
    "calls",
    "ends told after",
    "at best",
    "p95 to best",
    "wanted",
    "details after the end",
    "given up",
    "backlog",
    "answers seen after",
    "sweeps / requests",
    "busiest minute",
    "ended"
  ], rows))
  if (failed.length > 0) return yield* Effect.dieMessage(`Missed:\n${failed.join("\n")}`)
})

NodeRuntime.runMain(program)
