// When the presets of a policy poll one call; from `pnpm bench call-polls`.
import { dot, line, picture, rect, text } from "./svg.mjs"

const width = 720
const area = { left: 100, right: 660 }

export const callPolls = ({ presets, ring, settles, talk }) => {
  const end = ring + talk
  const last = Math.max(...presets.flatMap(({ events, polls }) => [...polls, ...events.map(({ at }) => at)]))
  const x = (seconds) => area.left + seconds / (Math.ceil(last / 10) * 10) * (area.right - area.left)
  const phases = [["ringing", 0, ring], ["in progress", ring, end], ["ended, record incomplete", end, end + settles], [
    "settled",
    end + settles,
    last
  ]]
  const top = 122
  const row = 62
  const bottom = top + presets.length * row
  const marks = { Changed: "answer seen", Ended: "end seen", Settled: "record complete" }
  return picture({
    width,
    height: bottom + 44,
    description: `The life of a call of ${end} seconds, and when each of three policies polls it`,
    style:
      ".phase{stroke:var(--bg)}.p0{fill:var(--b);opacity:.35}.p1{fill:var(--c);opacity:.35}.p2{fill:var(--a);opacity:.3}.p3{fill:var(--fill)}",
    body: [
      text(20, 26, "The life of a call, and its polls", "bold"),
      text(20, 65, "the call", "muted"),
      phases.map(([, from, to], index) => rect(x(from), 48, x(to) - x(from), 26, `phase p${index}`)),
      phases.map(([name, from, to], index) => text((x(from) + x(to)) / 2, index === 0 ? 90 : 65, name, "middle small")),
      [end, end + settles].map((at) => line(x(at), 76, x(at), bottom)),
      presets.map(({ events, name, polls }, index) => {
        const y = top + index * row + 12
        return [
          text(20, y + 4, name),
          text(20, y + 20, `${polls.length} requests`, "muted small"),
          line(area.left, y, area.right, y),
          polls.map((at) => dot(x(at), y, "fa")),
          events.filter((event) => event.name in marks).map(({ at, name }) => [
            line(x(at), y - 9, x(at), y + 9, "b"),
            text(Math.min(x(at), width - 70), y + 24, `${marks[name]} ${at.toFixed(0)} s`, "middle small")
          ])
        ]
      }),
      Array.from(
        { length: Math.floor(last / 20) + 1 },
        (_, index) => text(x(index * 20), bottom + 24, `${index * 20} s`, "middle muted small")
      )
    ]
  })
}
