// @ts-check
/** Draws the phases, the legs, the polls and the callbacks of one call on one axis. */

const SVG = "http://www.w3.org/2000/svg"
const LEFT = 90
const ROWS = { leg1: 20, leg2: 50, polls: 84, callbacks: 110 }
const HEIGHT = 150

/** @param {string} name @param {Record<string, string | number>} attributes @param {string} [text] */
const element = (name, attributes, text) => {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value))
  if (text !== undefined) made.textContent = text
  return made
}

/** @param {string} status */
const kindOf = (status) =>
  status === "ringing" ? "ring" : status === "in-progress" ? "talk" : "wait"

/** @param {number} millis */
const label = (millis) => `+${(millis / 1000).toFixed(1)} s`

/**
 * @param {HTMLElement} figure
 * @param {HTMLElement} list
 * @param {import("./app.js").Call} call
 * @param {ReadonlyArray<import("./app.js").Request>} requests
 * @param {number} now
 */
export const drawTimeline = (figure, list, call, requests, now) => {
  // One unit is one pixel, so that texts have their size at any width.
  const width = Math.max(280, figure.clientWidth)
  const last = Math.max(now - call.began, 1000)
  const end = Math.max(
    call.ended && call.endsAt !== null ? call.endsAt - call.began : last,
    ...requests.map(({ at }) => at - call.began),
    1000
  )
  /** @param {number} at */
  const x = (at) => LEFT + Math.min(1, Math.max(0, at / end)) * (width - LEFT - 10)
  const svg = element("svg", {
    viewBox: `0 0 ${width} ${HEIGHT}`,
    role: "img",
    "aria-label": `Phases, polls and callbacks of the call; the table below lists them`
  })
  for (const [name, y] of /** @type {const} */ ([["Leg 1", ROWS.leg1], ["Leg 2", ROWS.leg2], ["Polls", ROWS.polls], [
    "Callbacks",
    ROWS.callbacks
  ]])) svg.append(element("text", { x: 0, y: y + 10 }, name))
  for (const phase of call.phases) {
    const from = phase.at - call.began
    const until = Math.min(phase.until === null ? last : phase.until - call.began, call.ended ? end : last)
    if (from > last) continue
    for (const [status, y] of /** @type {const} */ ([[phase.leg1, ROWS.leg1], [phase.leg2, ROWS.leg2]])) {
      if (status === "") continue
      svg.append(element("rect", {
        class: kindOf(status),
        x: x(from),
        y,
        width: Math.max(1, x(until) - x(from)),
        height: 14,
        rx: 2
      }))
    }
  }
  for (const { at, failed, operation } of requests) {
    svg.append(
      operation === "callback"
        ? element("path", { d: `M ${x(at - call.began)} ${ROWS.callbacks} l 5 12 h -10 z` })
        : element("circle", { cx: x(at - call.began), cy: ROWS.polls + 6, r: 4, class: failed ? "bad" : "" })
    )
  }
  svg.append(
    element("line", { x1: LEFT, x2: width - 10, y1: HEIGHT - 20, y2: HEIGHT - 20 }),
    element("text", { x: LEFT, y: HEIGHT - 5, class: "quiet" }, "0 s"),
    element("text", { x: width - 10, y: HEIGHT - 5, "text-anchor": "end", class: "quiet" }, label(end))
  )
  figure.replaceChildren(svg)

  const events = [
    ...call.phases.filter(({ at }) => at <= now).map(({ at, leg1, leg2, status }) => ({
      at,
      text: `${status}${leg1 === "" ? "" : `; leg 1 ${leg1}`}${leg2 === "" ? "" : `; leg 2 ${leg2}`}`
    })),
    ...(call.ended && call.endsAt !== null ? [{ at: call.endsAt, text: `ended ${call.status}` }] : []),
    ...requests.map(({ at, fault, method, operation, outcome }) => ({
      at,
      text: `${operation === "callback" ? "callback" : `${method} (${operation})`}: ${outcome}${
        fault === null ? "" : `; fault: ${fault}`
      }`
    }))
  ].sort((a, b) => a.at - b.at)
  list.replaceChildren(...events.map(({ at, text }) => {
    const row = document.createElement("tr")
    for (const value of [label(at - call.began), text]) {
      const cell = document.createElement("td")
      cell.textContent = value
      row.append(cell)
    }
    return row
  }))
}
