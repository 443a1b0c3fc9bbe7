// @ts-check
/** The page of `exotel-fake --ui`: shows the calls and requests that the server reports, and sends commands. */
import { drawTimeline } from "./timeline.js"

/**
 * @typedef {{ action: string, leg?: number, label: string }} Action
 * @typedef {{ status: string, leg1: string, leg2: string, parties: number, at: number, until: number | null }} Phase
 * @typedef {{
 *   sid: string, from: string, to: string, exoPhone: string, direction: string, status: string, leg1: string,
 *   leg2: string, began: number, endsAt: number | null, ended: boolean, settled: boolean, ringing: boolean,
 *   phases: Phase[], actions: Action[]
 * }} Call
 * @typedef {{
 *   index: number, at: number, elapsed: number, operation: string, method: string, path: string, sid: string | null, outcome: string,
 *   failed: boolean, fault: string | null
 * }} Request
 * @typedef {{
 *   reset?: boolean, now: number, speed: number, calls: Call[], requests: Request[], connect: string, faults: string[],
 *   baseUrl: string
 * }} Update
 */

/** The largest number of ended calls and of requests that the page keeps. */
const MAX_ENDED = 200
const MAX_REQUESTS = 500

/** @param {string} id */
const byId = (id) => {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`The page has no element ${id}`)
  return element
}

/** @param {Element} root @param {string} part @returns {HTMLElement} */
const partOf = (root, part) => {
  const element = root.querySelector(`[data-part="${part}"]`)
  if (!(element instanceof HTMLElement)) throw new Error(`The card has no part ${part}`)
  return element
}

/** @type {Map<string, { call: Call, card: HTMLElement }>} */
const calls = new Map()
/** @type {Map<number, { request: Request, row: HTMLTableRowElement }>} */
const requests = new Map()
/** Cards on the screen, whose elapsed times are updated. @type {Set<Element>} */
const visible = new Set()
/** @type {string | undefined} */
let selected
/** The last speed other than 0. */
let lastSpeed = 1
let clock = { now: 0, speed: 1, receivedAt: performance.now() }

const fakeNow = () => clock.now + (performance.now() - clock.receivedAt) * clock.speed

/** @param {number} millis */
const seconds = (millis) => {
  const total = Math.max(0, Math.floor(millis / 1000))
  const minutes = Math.floor(total / 60)
  return minutes === 0 ? `${total} s` : `${minutes} min ${total % 60} s`
}

/** Sets the text only when it differs, so that assistive technology is not disturbed. @param {Element} element @param {string} text */
const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text
}

/** @param {string} text @param {boolean} good */
const say = (text, good) => {
  const message = byId("message")
  message.toggleAttribute("data-good", good)
  message.textContent = text
}

/** @param {string} method @param {string} path @param {unknown} [body] */
const request = async (method, path, body) => {
  try {
    const response = await fetch(path, {
      method,
      headers: { "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    if (response.ok) {
      say("", true)
      return true
    }
    const answer = await response.json().catch(() => ({}))
    say(typeof answer.error === "string" ? answer.error : `The server answered ${response.status}.`, false)
  } catch {
    say("The server cannot be reached. Is exotel-fake still running?", false)
  }
  return false
}

/** The last command. A later one waits for it: two connections may deliver a hang-up before the answer that precedes it. */
let last = Promise.resolve(true)

/** @param {string} method @param {string} path @param {unknown} [body] */
const send = (method, path, body) => (last = last.then(() => request(method, path, body)))

// Cards

const observer = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (isIntersecting) visible.add(target)
    else visible.delete(target)
  }
})

/** @param {Call} call */
const makeCard = (call) => {
  const template = byId("call-template")
  if (!(template instanceof HTMLTemplateElement)) throw new Error("The page has no template")
  const card = template.content.firstElementChild?.cloneNode(true)
  if (!(card instanceof HTMLElement)) throw new Error("The template is empty")
  card.dataset["sid"] = call.sid
  const open = partOf(card, "open")
  open.textContent = call.sid
  open.setAttribute("aria-label", `Timeline of call ${call.sid}`)
  open.addEventListener("click", () => select(call.sid))
  observer.observe(card)
  byId("calls").prepend(card)
  return card
}

/** Keeps buttons that remain, so that the focus stays. @param {HTMLElement} card @param {Call} call */
const updateActions = (card, call) => {
  const group = partOf(card, "actions")
  group.setAttribute("aria-label", `Actions for the call from ${call.from}`)
  const wanted = new Map(call.actions.map((action) => [`${action.action} ${action.leg ?? ""}`, action]))
  let hadFocus = false
  for (const button of [...group.children]) {
    if (!wanted.delete(button.getAttribute("data-action") ?? "")) {
      hadFocus ||= button === document.activeElement
      button.remove()
    }
  }
  for (const [key, action] of wanted) {
    const button = document.createElement("button")
    button.type = "button"
    button.textContent = action.label
    button.dataset["action"] = key
    button.classList.toggle("primary", action.action === "answer")
    button.addEventListener("click", () => {
      void send("POST", `api/calls/${call.sid}/actions`, {
        action: action.action,
        ...(action.leg === undefined ? {} : { leg: action.leg })
      })
    })
    group.append(button)
  }
  const next = group.querySelector("button") ?? partOf(card, "open")
  if (hadFocus) next.focus()
}

/** @param {Call} call */
const showElapsed = (call, card = calls.get(call.sid)?.card) => {
  if (card === undefined) return
  const end = call.ended && call.endsAt !== null ? call.endsAt : fakeNow()
  setText(partOf(card, "elapsed"), seconds(end - call.began) + (call.ended && !call.settled ? ", not settled" : ""))
}

/** @param {Call} call */
const showCall = (call) => {
  const known = calls.get(call.sid)
  const card = known?.card ?? makeCard(call)
  calls.set(call.sid, { call, card })
  setText(partOf(card, "numbers"), `${call.from} → ${call.to} · ${call.direction}`)
  setText(partOf(card, "status"), call.ringing ? `${call.status}, ringing` : call.status)
  setText(partOf(card, "leg1"), call.leg1)
  setText(partOf(card, "leg2"), call.leg2)
  card.toggleAttribute("data-ended", call.ended)
  card.toggleAttribute("data-ringing", call.ringing)
  showElapsed(call, card)
  updateActions(card, call)
  if (known === undefined && !call.ended) setText(byId("announcement"), `A new call rings: ${call.from} to ${call.to}`)
  else if (known !== undefined && known.call.status !== call.status) {
    setText(byId("announcement"), `The call from ${call.from} is ${call.status}`)
  }
}

/** Removes the oldest ended calls beyond the limit. */
const limitCalls = () => {
  const ended = [...calls.values()].filter(({ call }) => call.ended)
  for (const { call, card } of ended.slice(0, Math.max(0, ended.length - MAX_ENDED))) {
    if (call.sid === selected) continue
    observer.unobserve(card)
    visible.delete(card)
    card.remove()
    calls.delete(call.sid)
  }
}

// The journal

/** @param {Request} request */
const showRequest = (request) => {
  let known = requests.get(request.index)
  if (known === undefined) {
    const row = document.createElement("tr")
    for (let cell = 0; cell < 5; cell++) row.append(document.createElement("td"))
    byId("journal").prepend(row)
    known = { request, row }
    if (requests.size >= MAX_REQUESTS) {
      const oldest = requests.keys().next().value
      if (oldest !== undefined) {
        requests.get(oldest)?.row.remove()
        requests.delete(oldest)
      }
    }
  }
  requests.set(request.index, { request, row: known.row })
  const texts = [
    String(request.index),
    `+${(request.elapsed / 1000).toFixed(1)} s`,
    `${request.operation === "callback" ? "callback " : ""}${request.method} ${request.path}`,
    request.outcome,
    request.fault ?? ""
  ]
  for (const [index, text] of texts.entries()) {
    const cell = known.row.cells[index]
    if (cell !== undefined) setText(cell, text)
  }
  known.row.cells[3]?.classList.toggle("bad", request.failed)
  known.row.cells[4]?.classList.add("fault")
}

// The timeline of one call

/** @param {string | undefined} sid */
const select = (sid) => {
  if (selected !== undefined) calls.get(selected)?.card.removeAttribute("data-selected")
  selected = sid
  byId("timeline-section").hidden = sid === undefined
  if (sid === undefined) return
  calls.get(sid)?.card.setAttribute("data-selected", "")
  showTimeline()
  byId("timeline-section").scrollIntoView({ block: "nearest" })
}

const showTimeline = () => {
  const call = selected === undefined ? undefined : calls.get(selected)?.call
  if (call === undefined) return
  const own = [...requests.values()].map(({ request }) => request).filter(({ sid }) => sid === call.sid)
  setText(byId("timeline-title"), `Timeline of ${call.sid}`)
  drawTimeline(byId("timeline"), byId("timeline-events"), call, own, fakeNow())
}

window.addEventListener("resize", showTimeline)
byId("timeline-close").addEventListener("click", () => {
  const card = selected === undefined ? undefined : calls.get(selected)?.card
  select(undefined)
  if (card !== undefined) partOf(card, "open").focus()
})

// Updates from the server

/** @param {Update} update */
const apply = (update) => {
  if (update.reset) {
    for (const { card } of calls.values()) card.remove()
    for (const { row } of requests.values()) row.remove()
    calls.clear()
    requests.clear()
    visible.clear()
    observer.disconnect()
  }
  if (update.speed !== 0) lastSpeed = update.speed
  clock = { now: update.now, speed: update.speed, receivedAt: performance.now() }
  for (const call of update.calls) showCall(call)
  for (const request of update.requests) showRequest(request)
  if (update.calls.length > 0) {
    limitCalls()
    const active = [...calls.values()].filter(({ call }) => !call.ended).length
    setText(byId("calls-count"), `${active} active, ${calls.size - active} ended`)
  }
  byId("calls-empty").hidden = calls.size > 0
  setText(byId("base-url"), update.baseUrl)
  for (const button of document.querySelectorAll("[data-speed]")) {
    button.setAttribute("aria-pressed", String(Number(button.getAttribute("data-speed")) === update.speed))
  }
  const behavior = byId("connect-behavior")
  if (behavior instanceof HTMLSelectElement && document.activeElement !== behavior) {
    if (update.connect === "script" && behavior.querySelector("[value=script]") === null) {
      behavior.prepend(new Option("As in the script file", "script"))
    }
    behavior.value = update.connect
  }
  const faults = update.faults.join("\n")
  const list = byId("faults")
  if (list.dataset["faults"] !== faults) {
    list.dataset["faults"] = faults
    list.replaceChildren(...update.faults.map((fault) => {
      const item = document.createElement("li")
      item.textContent = fault
      return item
    }))
  }
  if (selected !== undefined && (update.calls.some(({ sid }) => sid === selected) ||
    update.requests.some(({ sid }) => sid === selected))) showTimeline()
}

const connect = () => {
  const source = new EventSource("api/events")
  const connection = byId("connection")
  source.addEventListener("open", () => {
    connection.dataset["state"] = "open"
    setText(connection, "Connected")
  })
  source.addEventListener("error", () => {
    connection.dataset["state"] = "lost"
    setText(connection, "Disconnected; trying again")
  })
  source.addEventListener("message", ({ data }) => apply(JSON.parse(data)))
}

// Commands

for (const button of document.querySelectorAll("[data-speed]")) {
  button.addEventListener("click", () => {
    const speed = Number(button.getAttribute("data-speed"))
    // The button that pauses the clock also resumes it.
    void send("PUT", "api/clock", { speed: speed === 0 && clock.speed === 0 ? lastSpeed : speed })
  })
}

/** @param {string} id @param {(values: Record<string, string>) => Promise<unknown>} submit */
const onSubmit = (id, submit) => {
  const form = byId(id)
  form.addEventListener("submit", (event) => {
    event.preventDefault()
    if (!(form instanceof HTMLFormElement)) return
    /** @type {Record<string, string>} */
    const values = {}
    for (const [name, value] of new FormData(form)) {
      if (typeof value === "string") values[name] = value
    }
    void submit(values)
  })
}

byId("connect-behavior").addEventListener("change", ({ target }) => {
  if (target instanceof HTMLSelectElement && target.value !== "script") void send("PUT", "api/connect", { behavior: target.value })
})
onSubmit("connect-form", async () => undefined)
onSubmit("inbound-form", ({ exoPhone, from }) => send("POST", "api/calls", { from, exoPhone }))
onSubmit("fault-form", ({ kind = "", times }) => {
  const status = /^status (\d+)$/.exec(kind)
  const fault = status !== null
    ? { kind: "status", status: Number(status[1]) }
    : kind === "stalled"
    ? { kind: "stalled", duration: "5 seconds" }
    : kind === "reset"
    ? { kind: "reset", at: "request" }
    : kind === "truncated"
    ? { kind: "truncated", keep: 0.5 }
    : { kind }
  return send("POST", "api/faults", { ...fault, times: Number(times) })
})
byId("clear-faults").addEventListener("click", () => void send("DELETE", "api/faults"))

setInterval(() => {
  const now = new Date(fakeNow())
  setText(byId("clock"), clock.now === 0 ? "–" : `${now.toISOString().slice(11, 19)} UTC, ${clock.speed}×`)
  for (const card of visible) {
    const known = card instanceof HTMLElement ? calls.get(card.dataset["sid"] ?? "") : undefined
    if (known !== undefined && !known.call.ended) showElapsed(known.call, known.card)
  }
  if (selected !== undefined && !calls.get(selected)?.call.settled) showTimeline()
}, 500)

connect()
