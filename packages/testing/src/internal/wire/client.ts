/**
 * The fake wire: an `HttpClient` that executes a response plan in the caller's fiber, on the caller's clock. Nothing in
 * it leaves the fiber, so that a `TestClock` never finds a reader waiting for anything but time.
 */
import * as Cookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Body } from "../fake/connect/form.ts"
import type { Row } from "../fake/state.ts"
import type { ResponsePlan, Step } from "./plan.ts"

const encoder = new TextEncoder()
const FILL_BYTES = 64 * 1024
const filler = encoder.encode(" ".repeat(FILL_BYTES))

/** The error that Node's clients report for a broken connection. */
class ConnectionError extends Error {
  readonly code: string
  constructor(how: "refused" | "reset") {
    super(how === "refused" ? "connect ECONNREFUSED" : "read ECONNRESET")
    this.name = "ConnectionError"
    this.code = how === "refused" ? "ECONNREFUSED" : "ECONNRESET"
  }
}

const wait = (millis: number): Effect.Effect<void> => Number.isFinite(millis) ? Effect.sleep(millis) : Effect.never

class FakeResponse extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly request: HttpClientRequest
  readonly status: number
  readonly headers: Headers.Headers
  readonly cookies = Cookies.empty
  readonly remoteAddress = Option.none()
  private readonly steps: ReadonlyArray<Step>
  private readonly row: Row
  /** The text of a body that nothing happens to: it needs no stream, and has a length. */
  private readonly whole: string | undefined

  constructor(request: HttpClientRequest, plan: ResponsePlan, row: Row) {
    super()
    this.request = request
    this.status = plan.status
    this.steps = plan.body
    this.row = row
    const [only] = plan.body
    this.whole = plan.body.length === 1 && only?._tag === "Send" ? only.text : undefined
    this.headers = Headers.fromInput(
      this.whole === undefined
        ? plan.headers
        : { "content-length": String(encoder.encode(this.whole).length), ...plan.headers }
    )
  }

  private fail(cause: unknown): HttpClientError.ResponseError {
    return new HttpClientError.ResponseError({ request: this.request, response: this, reason: "Decode", cause })
  }

  private step(step: Step): Stream.Stream<Uint8Array, HttpClientError.ResponseError> {
    switch (step._tag) {
      case "Send":
        return Stream.sync(() => encoder.encode(step.text))
      case "Wait":
        return Stream.execute(wait(step.millis))
      case "Break":
        return Stream.suspend(() => {
          this.row.outcome = { _tag: "Broken", how: "reset in the middle of the body" }
          return Stream.fail(this.fail(new ConnectionError(step.how)))
        })
      case "Fill":
        return Stream.unfold(step.bytes, (left) =>
          left <= 0
            ? Option.none()
            : Option.some([left < FILL_BYTES ? filler.subarray(0, left) : filler, left - FILL_BYTES]))
    }
  }

  get stream(): Stream.Stream<Uint8Array, HttpClientError.ResponseError> {
    const { row, status, steps, whole } = this
    if (whole !== undefined) return Stream.succeed(encoder.encode(whole))
    return Stream.fromIterable(steps).pipe(
      Stream.flatMap((step) => this.step(step)),
      Stream.concat(Stream.execute(Effect.sync(() => {
        row.outcome = { _tag: "Answered", status }
      }))),
      Stream.ensuring(Effect.sync(() => {
        if (row.outcome._tag === "Pending") row.outcome = { _tag: "Aborted" }
      }))
    )
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.ResponseError> {
    return Effect.map(this.text, (text) => {
      const bytes = encoder.encode(text)
      const buffer = new ArrayBuffer(bytes.length)
      new Uint8Array(buffer).set(bytes)
      return buffer
    })
  }

  get text(): Effect.Effect<string, HttpClientError.ResponseError> {
    return this.whole === undefined ? Stream.mkString(Stream.decodeText(this.stream)) : Effect.succeed(this.whole)
  }

  get json(): Effect.Effect<unknown, HttpClientError.ResponseError> {
    return Effect.tryMap(this.text, {
      try: (text) => text === "" ? null : JSON.parse(text) as unknown,
      catch: (cause) => this.fail(cause)
    })
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.ResponseError> {
    return Effect.map(this.text, (text) => UrlParams.fromInput(new URLSearchParams(text)))
  }

  get formData(): Effect.Effect<FormData, HttpClientError.ResponseError> {
    return Effect.fail(this.fail("Exotel does not answer with a form"))
  }

  override toJSON(): unknown {
    return { _id: "@effect-exotel/testing/FakeResponse", status: this.status }
  }
}

/** Handles a request: adds a row to the journal, and plans the response. */
export type Handle = (
  request: HttpClientRequest,
  url: URL,
  body: Body | undefined
) => Effect.Effect<{ readonly row: Row; readonly plan: ResponsePlan }>

const decoder = new TextDecoder()

const bodyOf = ({ body, headers }: HttpClientRequest): Effect.Effect<Body | undefined> => {
  const contentType = headers["content-type"] ?? ""
  switch (body._tag) {
    case "Uint8Array":
      return Effect.succeed({ contentType, content: decoder.decode(body.body) })
    case "FormData":
      return Effect.succeed({
        contentType,
        content: [...body.formData].flatMap(([name, value]) => typeof value === "string" ? [[name, value]] : [])
      })
    case "Stream":
      return Effect.map(Stream.mkString(Stream.decodeText(Stream.orDie(body.stream))), (content) => ({
        contentType,
        content
      }))
    default:
      return Effect.succeed(undefined)
  }
}

const refused = (row: Row): Error => {
  const why = row.outcome._tag === "Refused" ? row.outcome.why : ""
  return new Error(`FakeExotel does not support a request. ${row.method} ${row.path}: ${why}`)
}

export const makeClient = (handle: Handle): HttpClient.HttpClient =>
  HttpClient.make((request, url) =>
    Effect.flatMap(Effect.flatMap(bodyOf(request), (body) => handle(request, url, body)), ({ plan, row }) => {
      if (row.outcome._tag === "Refused") return Effect.die(refused(row))
      const respond = Effect.sync(() => {
        const [only] = plan.body
        if (plan.body.length === 1 && only?._tag === "Send") {
          row.outcome = { _tag: "Answered", status: plan.status }
        }
        return new FakeResponse(request, plan, row)
      })
      if (plan.before.length === 0) return respond
      return Effect.forEach(plan.before, (step) => {
        if (step._tag === "Wait") return wait(step.millis)
        row.outcome = { _tag: "Broken", how: step.how === "refused" ? "connection refused" : "connection reset" }
        return new HttpClientError.RequestError({ request, reason: "Transport", cause: new ConnectionError(step.how) })
      }, { discard: true }).pipe(
        Effect.zipRight(respond),
        Effect.onInterrupt(() =>
          Effect.sync(() => {
            if (row.outcome._tag === "Pending") row.outcome = { _tag: "Aborted" }
          })
        )
      )
    })
  )
