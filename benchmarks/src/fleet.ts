/**
 * Measures how late a fleet detects the ends of its calls, by number of calls and budget. It runs on the virtual clock over
 * the fake wire, so each run gives the same figures. The table also shows the best possible delay with the same requests
 * and the required one; a figure beyond the requirement fails the benchmark.
 */
import { WatchPolicy } from "@effect-exotel/watch"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { type CallCenter, percentile, type Report, simulate } from "./lib/callCenter.ts"
import { smoke, table } from "./lib/measure.ts"

/** Seconds, at the median and at the 95th percentile. */
type Delays = readonly [p50: number, p95: number]

interface Scenario {
  readonly name: string
  readonly callCenter: Omit<CallCenter, "meanSeconds">
  /** The delay if the whole limit is spent on bulk reads, or as the name says. */
  readonly best: Delays
  readonly required: Delays
  readonly inSmoke?: boolean
  /** Further requirements. */
  readonly check?: (report: Report) => ReadonlyArray<string>
}

const MEAN_SECONDS = 180

/** Every call is read once per cycle; its end is detected after half a cycle on average. */
const byBulkReads = (calls: number, requestsPerMinute: number, bulkSize: number, lag = 0): Delays => {
  const cycle = calls / bulkSize / requestsPerMinute * 60
  return [lag + cycle / 2, lag + cycle * 0.95]
}

const every = (seconds: number) => ({ cadence: WatchPolicy.every(`${seconds} seconds`) })

/** Ended calls that the bulk read does not show yet are read as well: their number grows with the lag. */
const lagging = (calls: number, lag: number) => calls * (1 + lag / MEAN_SECONDS)

const thousand = (bulkSize: number, bulkLagSeconds: number, required: Delays): Scenario => ({
  name: `1,000 calls, bulk reads of ${bulkSize}${bulkLagSeconds === 0 ? "" : `, ${bulkLagSeconds} s bulk lag`}`,
  callCenter: {
    calls: 1000,
    requestsPerMinute: 200,
    bulkSize,
    bulkLagSeconds,
    policy: every(3),
    minutes: bulkLagSeconds === 60 ? 5 : 4
  },
  best: byBulkReads(lagging(1000, bulkLagSeconds), 200, bulkSize, bulkLagSeconds),
  required: [
    bulkLagSeconds + lagging(required[0], bulkLagSeconds),
    bulkLagSeconds + lagging(required[1], bulkLagSeconds)
  ]
})

/** 133 calls end per minute, each with one read of details; the bulk reads get the rest of the limit. */
const withDetails: Scenario = {
  name: "400 calls with details",
  callCenter: {
    calls: 400,
    requestsPerMinute: 200,
    policy: { ...every(6), details: true },
    minutes: 10
  },
  best: byBulkReads(400, 200 - 400 / 3, 100),
  required: [8, 8],
  inSmoke: true,
  check: ({ details, detailsUnavailable }) => [
    ...(percentile(details, 0.95) <= 20 ? [] : ["details later than 20 s after the end"]),
    ...(detailsUnavailable === 0 ? [] : ["details unavailable"])
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
    name: "1,000 calls, bulk reads of 100, each 5 s",
    callCenter: { calls: 1000, requestsPerMinute: 200, policy: every(5), minutes: 4 },
    best: byBulkReads(1000, 200, 100),
    required: [4, 8]
  },
  withDetails,
  {
    name: "1,000 calls with details (overload)",
    callCenter: { calls: 1000, requestsPerMinute: 200, policy: { ...every(5), details: true }, minutes: 14 },
    best: byBulkReads(1000, 200, 100),
    required: [4, 8],
    check: ({ details, longestBacklog }) => [
      // Details that wait longer than `detailsLimit`, 5 minutes, are given up; 333 calls end per minute.
      ...(longestBacklog <= 333 * 5 * 1.15 ? [] : [`a backlog of ${longestBacklog}`]),
      ...(percentile(details, 1) <= 301 ? [] : ["details later than their limit"])
    ]
  },
  {
    name: "20 calls, read individually (default policy)",
    callCenter: { calls: 20, requestsPerMinute: 200, policy: WatchPolicy.standard, minutes: 15 },
    // The policy limits the delay here, not the budget: a tenth of the age of the call, at least 5 s.
    best: [2.5, 20],
    required: [9, 30],
    inSmoke: true,
    check: ({ changes }) => percentile(changes, 0.95) <= 5.5 ? [] : ["changes detected later than the cadence"]
  },
  {
    name: "100,000 calls, 5,000 requests a minute",
    callCenter: { calls: 100_000, requestsPerMinute: 5000, concurrency: 64, policy: every(12), minutes: 2 },
    best: byBulkReads(100_000, 5000, 100),
    required: [20, 20]
  }
]

const seconds = (value: number): string => Number.isNaN(value) ? "" : value.toFixed(1)

const delays = (sorted: ReadonlyArray<number>): string =>
  sorted.length === 0 ? "" : `${seconds(percentile(sorted, 0.5))} / ${seconds(percentile(sorted, 0.95))}`

const problems = ({ callCenter, check, required }: Scenario, report: Report): ReadonlyArray<string> => [
  ...(report.missed === 0 ? [] : [`${report.missed} ends not reported`]),
  ...(report.duplicates === 0 ? [] : [`${report.duplicates} ends reported twice`]),
  ...(report.refused === 0 ? [] : [`${report.refused} responses with 429`]),
  ...(report.busiestMinute <= callCenter.requestsPerMinute ? [] : [`${report.busiestMinute} requests in a minute`]),
  ...(percentile(report.endings, 0.5) <= required[0] ? [] : ["median too late"]),
  ...(percentile(report.endings, 0.95) <= required[1] ? [] : ["95th percentile too late"]),
  ...(check?.(report) ?? [])
]

const program = Effect.gen(function*() {
  const short = yield* smoke
  const failed: Array<string> = []
  const rows: Array<ReadonlyArray<string>> = []
  for (const scenario of scenarios) {
    if (short && scenario.inSmoke !== true) continue
    const callCenter = { ...scenario.callCenter, meanSeconds: MEAN_SECONDS }
    const report = yield* simulate(short ? { ...callCenter, minutes: 3 } : callCenter)
    failed.push(...problems(scenario, report).map((problem) => `${scenario.name}: ${problem}`))
    rows.push([
      scenario.name,
      delays(report.endings),
      scenario.best.map(seconds).join(" / "),
      (percentile(report.endings, 0.95) / scenario.best[1]).toFixed(2),
      scenario.required.map(seconds).join(" / "),
      delays(report.details),
      report.detailsUnavailable === 0 ? "" : String(report.detailsUnavailable),
      String(report.longestBacklog || ""),
      delays(report.changes),
      `${report.bulkReads} / ${report.requests}`,
      `${report.busiestMinute} of ${callCenter.requestsPerMinute}`,
      String(report.ended)
    ])
  }
  yield* Console.log("Seconds from a call's end to its `Ended` event, p50 / p95; mean call duration 3 minutes\n")
  yield* Console.log(table([
    "calls",
    "ends detected after",
    "best possible",
    "p95 / best",
    "required",
    "details after the end",
    "given up",
    "backlog",
    "answers detected after",
    "bulk reads / requests",
    "busiest minute",
    "ended"
  ], rows))
  if (failed.length > 0) return yield* Effect.dieMessage(`Missed:\n${failed.join("\n")}`)
})

NodeRuntime.runMain(program)
