// The delay of the detection of an end, by number of calls; from `pnpm bench fleet-size`.
import { dot, line, picture, polyline, text } from "./svg.mjs"

const [width, height] = [720, 400]
const area = { left: 64, right: 590, top: 48, bottom: 342 }
const [calls, seconds] = [[10, 10_000], [0.1, 1000]]

const scale = ([from, to], low, high) => (value) =>
  low + (Math.log10(value) - Math.log10(from)) / (Math.log10(to) - Math.log10(from)) * (high - low)
const x = scale(calls, area.left, area.right)
const y = scale(seconds, area.bottom, area.top)

const label = (value) => value.toLocaleString("en-US")

export const detectionDelay = ({ points, requestsPerMinute }) => {
  const of = (mode) => points.filter((point) => point.mode === mode && point.p95 !== undefined)
  const [individual, bulk] = [of("individual"), of("bulk")]
  const best = points.filter((point) => point.mode === "bulk")
  const curve = (list, value, name) => [
    polyline(list.map((point) => [x(point.calls), y(value(point))]), name),
    list.map((point) => dot(x(point.calls), y(value(point)), `f${name}`))
  ]
  const ends = ([...list], value) => [x(list.at(-1).calls) + 10, y(value(list.at(-1))) + 4]
  const p95 = (point) => point.p95
  return picture({
    width,
    height,
    description:
      `Delay of the detection of an end, 95th percentile, by number of calls, with ${requestsPerMinute} requests a minute`,
    body: [
      text(
        area.left - 44,
        26,
        `Delay of the detection of an end, 95th percentile, with ${requestsPerMinute} requests a minute`,
        "bold"
      ),
      [0.1, 1, 10, 100, 1000].map((value) => [
        line(area.left, y(value), area.right, y(value)),
        text(area.left - 8, y(value) + 4, `${label(value)} s`, "end muted small")
      ]),
      [10, 100, 1000, 10_000].map((value) => [
        line(x(value), area.top, x(value), area.bottom),
        text(x(value), area.bottom + 18, label(value), "middle muted small")
      ]),
      text(
        (area.left + area.right) / 2,
        area.bottom + 40,
        "concurrent calls, 3 minutes long on average",
        "middle muted"
      ),
      polyline(best.map((point) => [x(point.calls), y(point.best)]), "c", " stroke-dasharray=\"5 4\""),
      curve(individual, p95, "b"),
      curve(bulk, p95, "a"),
      text(...ends(individual, p95), "individual polling", "fb"),
      text(ends(bulk, p95)[0], ends(bulk, p95)[1] - 6, "bulk polling", "fa"),
      text(ends(bulk, p95)[0], ends(bulk, p95)[1] + 12, "best possible", "fc")
    ]
  })
}
