/** The three HTTP clients that an application on Node can choose from, and the service over each. */
import { ExotelCalls, type ExotelConfig, RequestBudget, RetryPolicy } from "@effect-exotel/core"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { type ConfigError, Effect, Layer, Redacted } from "effect"

export const clients: Readonly<Record<string, Layer.Layer<HttpClient.HttpClient>>> = {
  "node:http": NodeHttpClient.layer,
  undici: NodeHttpClient.layerUndici,
  fetch: FetchHttpClient.layer
}

export const apiKey = "7f3c9a1be2d4865f0a9c7b3e1d2f4a6b8c0e9d7f5a3b1c2d"
export const apiToken = "e4d2c0b8a6f4e2d0c8b6a4f2e0d8c6b4a2f0e8d6c4b2a0f9"
export const sid = "b6aa4d0ajh7sw2nq9gk1rv5tz3xc8e1f"

export const credentials = {
  apiKey: Redacted.make(apiKey),
  apiToken: Redacted.make(apiToken),
  accountSid: "acme1m"
}

/** The service with a budget of its own, of `requestsPerMinute`. */
export const makeCalls = (
  options: ExotelConfig.Options
): Effect.Effect<ExotelCalls.Service, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Effect.provide(ExotelCalls.make(options), RequestBudget.layerMemory(options))

/** Runs `use` with a service that reads each call once, so that a failure is the first one. */
export const withCalls = <A, E, R>(
  options: Partial<ExotelConfig.CommonOptions> & ExotelConfig.Endpoint,
  use: (calls: ExotelCalls.Service) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | ConfigError.ConfigError, R | HttpClient.HttpClient> =>
  makeCalls({ ...credentials, ...options }).pipe(
    Effect.flatMap(use),
    Effect.provideService(RetryPolicy.RetryPolicy, RetryPolicy.none)
  )

/** Leads the two real hosts to servers of the test's own. */
export const redirectHosts = (urls: { readonly singapore: string; readonly mumbai: string }) =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.map(
      HttpClient.HttpClient,
      HttpClient.mapRequest((request) =>
        HttpClientRequest.setUrl(
          request,
          request.url
            .replace("https://api.exotel.com", urls.singapore)
            .replace("https://api.in.exotel.com", urls.mumbai)
        )
      )
    )
  )
