/** A real HTTP server on loopback that sends response plans on the clock in force where it is built. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import type { Body } from "../fake/connect/form.ts"
import type { Exchange } from "../fake/router.ts"
import type { Row } from "../fake/state.ts"
import type { ResponsePlan, Step } from "./plan.ts"

/** The client that a program on Node would use. */
export const httpClient = NodeHttpClient.layerUndici

/** The parts of a request that the server uses. */
export interface Heard {
  readonly method: string
  readonly url: URL
  readonly authorization: string | undefined
  readonly body: Body | undefined
}

const ORIGIN = "http://localhost"
const FILL_BYTES = 64 * 1024
const filler = Buffer.alloc(FILL_BYTES, " ")

const wait = (millis: number): Effect.Effect<void> => Number.isFinite(millis) ? Effect.sleep(millis) : Effect.never

/** Writes and waits until the socket has taken it, so that a huge body needs no huge memory. */
const write = (response: Http.ServerResponse, bytes: string | Uint8Array): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    response.write(bytes, () => resume(Effect.void))
  })

const fill = (response: Http.ServerResponse, bytes: number): Effect.Effect<void> =>
  bytes <= 0 ? Effect.void : Effect.zipRight(
    write(response, bytes < FILL_BYTES ? filler.subarray(0, bytes) : filler),
    Effect.suspend(() => fill(response, bytes - FILL_BYTES))
  )

/** Breaks the connection off; true when it did. */
const sendStep = (response: Http.ServerResponse, step: Step): Effect.Effect<boolean> => {
  switch (step._tag) {
    case "Wait":
      return Effect.as(wait(step.millis), false)
    case "Send":
      return Effect.as(write(response, step.text), false)
    case "Fill":
      return Effect.as(fill(response, step.bytes), false)
    case "Break":
      return Effect.sync(() => {
        response.socket?.resetAndDestroy()
        return true
      })
  }
}

const end = (response: Http.ServerResponse, body?: string): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    response.end(body, () => resume(Effect.void))
  })

const send = (response: Http.ServerResponse, plan: ResponsePlan, row: Row): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (const step of plan.before) {
      if (yield* sendStep(response, step)) {
        row.outcome = { _tag: "Broken", how: "connection reset" }
        return
      }
    }
    const [only] = plan.body
    if (plan.body.length === 1 && only?._tag === "Send") {
      response.writeHead(plan.status, {
        ...plan.headers,
        "content-length": Buffer.byteLength(only.text)
      })
      yield* end(response, only.text)
    } else {
      response.writeHead(plan.status, { ...plan.headers })
      response.flushHeaders()
      for (const step of plan.body) {
        if (yield* sendStep(response, step)) {
          row.outcome = { _tag: "Broken", how: "reset in the middle of the body" }
          return
        }
      }
      yield* end(response)
    }
    if (row.outcome._tag === "Pending") row.outcome = { _tag: "Answered", status: plan.status }
  }).pipe(
    Effect.onInterrupt(() =>
      Effect.sync(() => {
        if (row.outcome._tag === "Pending") row.outcome = { _tag: "Aborted" }
      })
    )
  )

const close = (server: Http.Server): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    server.close(() => resume(Effect.void))
    // A client that keeps its connection alive, or a stalled answer, must not hold the scope open.
    server.closeAllConnections()
  })

const listen = (
  server: Http.Server,
  host: string,
  port: number
): Effect.Effect<string, HttpServerError.ServeError> =>
  Effect.async((resume) => {
    const onError = (cause: Error) => resume(Effect.fail(new HttpServerError.ServeError({ cause })))
    server.once("error", onError)
    server.listen(port, host, () => {
      server.off("error", onError)
      const address = server.address()
      const bound = typeof address === "object" && address !== null ? address.port : port
      resume(Effect.succeed(`http://${host.includes(":") ? `[${host}]` : host}:${bound}`))
    })
  })

/** Far more than a form of Exotel's has; what exceeds it is ignored. */
const MAX_BODY_BYTES = 1024 * 1024

/** Never completes for a request that breaks off: its fiber is interrupted. */
const bodyOf = (request: Http.IncomingMessage): Effect.Effect<Body | undefined> =>
  Effect.async((resume) => {
    if (request.method !== "POST") {
      request.resume()
      return resume(Effect.succeed(undefined))
    }
    const chunks: Array<Buffer> = []
    let bytes = 0
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= MAX_BODY_BYTES) chunks.push(chunk)
    })
    request.once("end", () => {
      const contentType = request.headers["content-type"] ?? ""
      resume(Effect.succeed({ contentType, content: Buffer.concat(chunks).toString() }))
    })
  })

/**
 * Serves until the scope closes; then no connection and no fiber of it is left. Gives the base URL.
 */
export const serve = (options: {
  readonly host: string
  readonly port: number
  readonly handle: (received: Heard) => Effect.Effect<Exchange>
  readonly afterwards: (row: Row) => Effect.Effect<void>
}): Effect.Effect<string, HttpServerError.ServeError, Scope.Scope> =>
  Effect.gen(function*() {
    const fork = yield* FiberSet.makeRuntime<never>()
    const answer = (request: Http.IncomingMessage, response: Http.ServerResponse) =>
      Effect.flatMap(bodyOf(request), (body) => {
        const target = request.url ?? "/"
        // A target that is not a path is answered as an unknown path.
        const url = new URL(URL.canParse(target, ORIGIN) ? target : "/", ORIGIN)
        const { authorization } = request.headers
        return Effect.flatMap(
          options.handle({ method: request.method ?? "GET", url, authorization, body }),
          ({ plan, row }) => Effect.ensuring(send(response, plan, row), Effect.suspend(() => options.afterwards(row)))
        )
      })
    const server = Http.createServer((request, response) => {
      // A connection that its client breaks is no concern of ours; without a listener it would be an uncaught error.
      response.on("error", () => {})
      const fiber = fork(answer(request, response))
      response.once("close", () => {
        if (!response.writableFinished) fork(Fiber.interrupt(fiber))
      })
    })
    return yield* Effect.acquireRelease(listen(server, options.host, options.port), () => close(server))
  })
