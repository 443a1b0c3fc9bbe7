/** The page in a real browser: a person answers a call that an application placed, and breaks its next requests. */
import { ConnectRequest, ExotelCalls } from "@effect-exotel/core"
import { FakeExotel } from "@effect-exotel/testing"
import { CallWatch, type WatchEvent } from "@effect-exotel/watch"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Context, Effect, Fiber, Layer, Stream } from "effect"
import { setTimeout } from "node:timers/promises"
import { type Browser, chromium, type Page } from "playwright-core"
import { findChromium, launchOptions } from "../../../../scripts/lib/chromium.mjs"
import { CallbackSink } from "../support/callbackSink.ts"
import { eventually, serve } from "../support/command.ts"

const hasChromium = findChromium("the page of exotel-fake")

const promise = <A>(run: () => Promise<A>) => Effect.promise(run)

class Chromium extends Context.Tag("Chromium")<Chromium, Browser>() {}

/** One browser for all tests: each has pages of its own. */
const ChromiumLive = Layer.scoped(
  Chromium,
  Effect.acquireRelease(
    promise(() => chromium.launch(launchOptions)),
    (browser) => promise(() => browser.close())
  )
)

/** A page of `exotel-fake --ui`, and the problems that its console reports. */
const open = (viewport = { width: 1280, height: 900 }) =>
  Effect.gen(function*() {
    const fake = yield* serve({ calls: [] }, "--ui", "--ui-port", "0")
    const address = () => /^page\s+(http:\S+)/m.exec(fake.output())?.[1] ?? ""
    const url = yield* eventually(Effect.sync(address), (url) => url !== "")
    const browser = yield* Chromium
    const page: Page = yield* Effect.acquireRelease(
      promise(() => browser.newPage({ viewport })),
      (page) => promise(() => page.close())
    )
    const problems: Array<string> = []
    page.on("pageerror", (error) => problems.push(error.message))
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text())
    })
    yield* promise(() => page.goto(url))
    yield* promise(() => page.getByText("Connected").waitFor())
    return { baseUrl: fake.baseUrl, page, problems, url }
  })

const { accountSid, apiKey, apiToken } = FakeExotel.defaultAccount

/** The library as an application uses it. */
const library = (baseUrl: string) =>
  CallWatch.layer.pipe(
    Layer.provide(ExotelCalls.layer({ accountSid, apiKey, apiToken, baseUrl })),
    Layer.provide(NodeHttpClient.layerUndici)
  )

const authorization = `Basic ${Buffer.from("fake-api-key:fake-api-token").toString("base64")}`

const place = (baseUrl: string, fields: Record<string, string> = {}) =>
  promise(async () => {
    const response = await fetch(`${baseUrl}/v1/Accounts/acme1m/Calls/connect.json`, {
      method: "POST",
      headers: { authorization },
      body: new URLSearchParams({ From: "09000000011", To: "09000000012", CallerId: "08000000000", ...fields })
    })
    const { Call } = await response.json() as { readonly Call: { readonly Sid: string } }
    return Call.Sid
  })

const read = (baseUrl: string, sid: string) =>
  promise(async () => {
    const response = await fetch(`${baseUrl}/v1/Accounts/acme1m/Calls/${sid}.json`, { headers: { authorization } })
    const body = await response.json() as { readonly Call?: { readonly Status: string } }
    return { status: response.status, call: body.Call?.Status }
  })

const click = (page: Page, name: string) => promise(() => page.getByRole("button", { name, exact: true }).click())

describe.skipIf(!hasChromium)("the page of exotel-fake", () => {
  layer(ChromiumLive, { excludeTestServices: true, timeout: 60_000 })((it) => {
    it.scoped(
      "lets a person answer a call that an application places and watches, and shows its requests and callback",
      () =>
        Effect.gen(function*() {
          const callbacks = yield* CallbackSink
          const { baseUrl, page, problems } = yield* open()
          const events: Array<WatchEvent.WatchEvent> = []
          const application = Effect.gen(function*() {
            const watch = yield* CallWatch.CallWatch
            const request = ConnectRequest.twoNumbers({
              from: "09000000011",
              to: "09000000012",
              callerId: "08000000000",
              statusCallback: { url: callbacks.url, contentType: "application/json" }
            })
            yield* watch.connect(request, { cadence: "200 millis", until: "settled", settleCadence: "200 millis" })
              .pipe(
                Stream.runForEach((event) => Effect.sync(() => events.push(event)))
              )
          }).pipe(Effect.provide(library(baseUrl)))
          const fiber = yield* Effect.fork(application)
          yield* promise(() => page.getByText("in-progress, ringing").waitFor())
          // A slow answer must not be overtaken by the hang-up that follows.
          yield* promise(() =>
            page.route("**/actions", async (route) => {
              if (route.request().postData()?.includes("answer") === true) await setTimeout(300)
              await route.continue()
            })
          )
          yield* click(page, "Answer leg 1")
          yield* click(page, "Answer leg 2")
          yield* click(page, "Hang up")
          yield* promise(() => page.getByText("completed", { exact: true }).first().waitFor())
          yield* eventually(Effect.succeed(events), (events) => events.some(({ _tag }) => _tag === "Ended"))
          yield* click(page, "Settle now")
          yield* Fiber.join(fiber)
          deepStrictEqual([events[0]?._tag, events.at(-1)?._tag], ["Placed", "Settled"])
          const sid = events[0]?.sid ?? ""
          const [callback] = yield* eventually(callbacks.received, (received) => received.length > 0)
          assert.include(callback, `"CallSid":"${sid}"`)
          yield* promise(() => page.getByRole("cell", { name: new RegExp(`^GET .*/${sid}`) }).first().waitFor())
          yield* promise(() => page.getByRole("cell", { name: /^callback POST/ }).waitFor())
          yield* click(page, `Timeline of call ${sid}`)
          yield* promise(() => page.getByRole("img", { name: /Phases, polls and callbacks/ }).waitFor())
          yield* promise(() => page.getByRole("cell", { name: "ended completed" }).waitFor())
          deepStrictEqual(problems, [])
        }),
      120_000
    )

    it.scoped(
      "breaks the next requests, chooses what the next call does, and places an inbound call",
      () =>
        Effect.gen(function*() {
          const { baseUrl, page, problems } = yield* open({ width: 400, height: 800 })
          yield* promise(() => page.getByLabel("Behaviour").selectOption("busy"))
          yield* promise(() => page.getByLabel("Requests", { exact: true }).fill("2"))
          yield* click(page, "Add the fault")
          yield* promise(() => page.getByText("status 503, 2 more").waitFor())
          for (const status of [503, 503]) assert.strictEqual((yield* read(baseUrl, "unknown")).status, status)
          assert.strictEqual((yield* read(baseUrl, "unknown")).status, 404)
          yield* promise(() => page.getByText("status 503, 2 more").waitFor({ state: "detached" }))
          yield* click(page, "60×")
          yield* place(baseUrl)
          yield* promise(() => page.getByText("busy", { exact: true }).first().waitFor())
          yield* click(page, "Place the call")
          yield* promise(() => page.getByText("09000000001 → 08000000000 · inbound").waitFor())
          yield* click(page, "Pause")
          yield* promise(() => page.getByRole("button", { name: "Pause", pressed: true }).waitFor())
          // Nothing is wider than the narrow window.
          assert.isAtMost(yield* promise(() => page.evaluate(() => document.documentElement.scrollWidth)), 400)
          deepStrictEqual(problems, [])
        }),
      120_000
    )

    it.scoped(
      "can be used with the keyboard alone, and keeps the focus when the buttons change",
      () =>
        Effect.gen(function*() {
          const { baseUrl, page } = yield* open()
          yield* place(baseUrl)
          yield* promise(() => page.getByRole("button", { name: "Leg 1 busy" }).focus())
          yield* promise(() => page.keyboard.press("Enter"))
          yield* promise(() => page.getByText("busy", { exact: true }).first().waitFor())
          const focused = yield* promise(() => page.evaluate(() => document.activeElement?.textContent ?? ""))
          assert.strictEqual(focused, "Settle now")
        }),
      120_000
    )
  })
})
