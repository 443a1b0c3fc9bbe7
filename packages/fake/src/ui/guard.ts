/**
 * Protects the control endpoints from other websites and from other machines. The server listens on loopback only; a
 * browser that is made to send requests to it, by a foreign page or by a name that resolves to loopback (DNS rebinding),
 * is rejected because of `Host`, `Origin` or `Sec-Fetch-Site`.
 */
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"

const hosts = ["127.0.0.1", "localhost", "[::1]"]

/** The reason for which a request is rejected; undefined for one of the page itself, or of a program such as curl. */
export const rejection = (
  method: string,
  headers: Readonly<Record<string, string | undefined>>,
  port: number
): string | undefined => {
  const { host, origin } = headers
  if (host === undefined || !hosts.some((name) => host.toLowerCase() === `${name}:${port}`)) {
    return "the Host header must name the loopback address and port of the page"
  }
  if (origin !== undefined && origin !== `http://${host}`) return "requests of other origins are rejected"
  const site = headers["sec-fetch-site"]
  if (site !== undefined && site !== "same-origin" && site !== "none") return "requests of other sites are rejected"
  if (method !== "GET" && method !== "HEAD" && headers["content-type"]?.split(";")[0]?.trim() !== "application/json") {
    return "the Content-Type of a command must be application/json"
  }
  return undefined
}

const headers = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff"
}

export const guard = (port: number) =>
  HttpMiddleware.make((app) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      const reason = rejection(request.method, request.headers, port)
      return Effect.map(
        reason === undefined
          ? app
          : Effect.succeed(HttpServerResponse.unsafeJson({ error: reason }, { status: 403 })),
        HttpServerResponse.setHeaders(headers)
      )
    })
  )
