// The terminal view of a fleet, as an animation; from the recording that `record.mjs` makes.
import { escape, picture, rect } from "./svg.mjs"

const SECONDS_A_SCREEN = 1.2
const [left, top, lineHeight] = [24, 54, 18]

export const fleetTerminal = (screens) => {
  const lines = Math.max(...screens.map((screen) => screen.length))
  const count = screens.length
  const duration = SECONDS_A_SCREEN * count
  const [width, height] = [700, top + lines * lineHeight + 12]
  return picture({
    width,
    height,
    description: "Recording of the terminal view of the example fleet: about 1,000 calls, 200 requests a minute",
    // A reader who prefers no motion sees the last screen.
    style: `text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;white-space:pre}
.s{visibility:hidden}.s:last-of-type{visibility:visible}
@keyframes show{0%{visibility:visible}${100 / count}%,100%{visibility:hidden}}
@media (prefers-reduced-motion:no-preference){.s,.s:last-of-type{visibility:hidden;animation:show ${duration}s step-end infinite}
${screens.map((_, index) => `#s${index}{animation-delay:${(index * SECONDS_A_SCREEN).toFixed(1)}s}`).join("")}}
`,
    body: [
      rect(0.5, 0.5, width - 1, height - 1, "box"),
      ["b", "c", "a"].map((name, index) => `<circle cx="${24 + index * 18}" cy="20" r="5" class="f${name}"/>`),
      screens.map((screen, index) =>
        `<g class="s" id="s${index}">${
          screen.map((content, row) =>
            content === "" ? "" : `<text x="${left}" y="${top + row * lineHeight}">${escape(content)}</text>`
          ).join("")
        }</g>`
      )
    ]
  })
}
