/** Real HTTP servers on loopback, each on a port of its own and closed with the scope, that remember what they saw. */
import { Cause, Deferred, Effect, type Scope } from "effect"
import * as Http from "node:http"
import type { AddressInfo, Socket } from "node:net"

export interface Server {
  readonly url: string
  /** Path and query of each request, in order. */
  readonly requests: ReadonlyArray<string>
  readonly headers: ReadonlyArray<Http.IncomingHttpHeaders>
  /** How many connections were made to it. */
  readonly connections: () => number
  /** How many bytes it has handed to its sockets. */
  readonly bytesWritten: () => number
  /** Succeeds once a request has arrived. */
  readonly requested: Effect.Effect<void>
  /** Succeeds once a connection that had carried a request is closed. */
  readonly closed: Effect.Effect<void>
}

export type Handler = (request: Http.IncomingMessage, response: Http.ServerResponse) => void

export const serve = (handler: Handler): Effect.Effect<Server, never, Scope.Scope> =>
  Effect.gen(function*() {
    const requests: Array<string> = []
    const headers: Array<Http.IncomingHttpHeaders> = []
    const sockets: Array<Socket> = []
    const used = new WeakSet<Socket>()
    const requested = yield* Deferred.make<void>()
    const closed = yield* Deferred.make<void>()
    const server = Http.createServer((request, response) => {
      requests.push(request.url ?? "")
      headers.push(request.headers)
      used.add(request.socket)
      Deferred.unsafeDone(requested, Effect.void)
      handler(request, response)
    })
    server.on("connection", (socket) => {
      sockets.push(socket)
      // A client that goes away is what some tests are about.
      socket.on("error", () => {})
      // One listener a connection: a kept-alive connection carries many requests.
      socket.once("close", () => {
        if (used.has(socket)) Deferred.unsafeDone(closed, Effect.void)
      })
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.async<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
          for (const socket of sockets) socket.destroy()
        })
    )
    const { port } = server.address() as AddressInfo
    return {
      url: `http://127.0.0.1:${port}`,
      requests,
      headers,
      connections: () => sockets.length,
      bytesWritten: () => sockets.reduce((sum, socket) => sum + socket.bytesWritten, 0),
      requested: within(Deferred.await(requested), "a request"),
      closed: within(Deferred.await(closed), "the end of a connection")
    }
  })

/** Bounds a wait for something that a broken client would never do. */
const within = (wait: Effect.Effect<void>, what: string) =>
  Effect.timeoutFailCause(wait, { duration: "10 seconds", onTimeout: () => missed(what) })
const missed = (what: string) => Cause.die(`waited in vain for ${what}`)

/** Answers every request alike. */
export const always =
  (status: number, body: string | Uint8Array, headers: Http.OutgoingHttpHeaders = {}): Handler => (_, response) => {
    response.writeHead(status, headers)
    response.end(body)
  }

/** A loopback port without a server. */
export const unusedUrl: Effect.Effect<string> = Effect.scoped(Effect.map(serve(always(200, "")), ({ url }) => url))
