/** An application that receives callbacks. */
import { Effect } from "effect"
import * as Http from "node:http"

/** Listens until the scope closes. */
export const CallbackSink = Effect.gen(function*() {
  const received: Array<string> = []
  const server = Http.createServer((request, response) => {
    let text = ""
    request.on("data", (chunk) => (text += String(chunk)))
    request.on("end", () => {
      received.push(text)
      response.end()
    })
  })
  yield* Effect.acquireRelease(
    Effect.async<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return { url: `http://127.0.0.1:${port}/callback`, received: Effect.sync(() => [...received]) }
})
