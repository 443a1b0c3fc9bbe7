/** An `HttpClient` without a wire: what it answers is a function of the request and of how many came before. */
import { HttpClient, HttpClientError, HttpClientResponse } from "@effect/platform"
import { Effect, Layer } from "effect"

export interface Stub {
  /** The URL of each request, in order. */
  readonly urls: ReadonlyArray<string>
  readonly layer: Layer.Layer<HttpClient.HttpClient>
}

/** `refused` stands for a connection that was not made. */
export type StubResponse = Response | "refused"

export const stub = (response: (url: URL, n: number) => StubResponse | Effect.Effect<StubResponse>): Stub => {
  const urls: Array<string> = []
  const client = HttpClient.make((request, url) =>
    Effect.suspend(() => {
      urls.push(url.href)
      const answer = response(url, urls.length)
      return Effect.flatMap(Effect.isEffect(answer) ? answer : Effect.succeed(answer), (answer) =>
        answer === "refused"
          ? Effect.fail(
            new HttpClientError.RequestError({
              request,
              reason: "Transport",
              cause: Object.assign(new Error("refused"), { code: "ECONNREFUSED" })
            })
          )
          : Effect.succeed(HttpClientResponse.fromWeb(request, answer)))
    })
  )
  return { urls, layer: Layer.succeed(HttpClient.HttpClient, client) }
}

export const status = (code: number, headers?: Record<string, string>): Response =>
  new Response("", { status: code, ...(headers === undefined ? {} : { headers }) })
