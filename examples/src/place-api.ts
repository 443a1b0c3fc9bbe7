/**
 * Serves the web service of `place-api/api.ts`: `pnpm --filter ./examples place-api`, with the variables below, and those of the account. Against
 * `exotel-fake --port 8080` those are `EXOTEL_BASE_URL=http://127.0.0.1:8080`, `EXOTEL_ACCOUNT_SID=acme1m`,
 * `EXOTEL_API_KEY=fake-api-key` and `EXOTEL_API_TOKEN=fake-api-token`.
 */
import { ExotelCalls } from "@effect-exotel/core"
import { CallWatch } from "@effect-exotel/watch"
import { HttpApiBuilder, HttpMiddleware, HttpServer } from "@effect/platform"
import { NodeHttpClient, NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Config, Effect, Layer } from "effect"
import { createServer } from "node:http"
import { ApiLive, callbackPath } from "./place-api/api.ts"

const settings = Config.all({
  /** Your ExoPhone, for example 08047123456. */
  callerId: Config.nonEmptyString("CALLER_ID"),
  /** Where Exotel reaches this service, for example http://127.0.0.1:3000. */
  baseUrl: Config.nonEmptyString("SERVICE_URL"),
  secret: Config.redacted("CALLBACK_SECRET")
})

const Server = Layer.unwrapEffect(Effect.map(
  Config.integer("PORT").pipe(Config.withDefault(3000)),
  (port) => NodeHttpServer.layer(createServer, { port })
))

const Service = Layer.unwrapEffect(Effect.map(settings, (settings) =>
  // No `HttpMiddleware.logger`: it would log the secret in the path of a callback.
  HttpApiBuilder.serve().pipe(
    HttpServer.withLogAddress,
    Layer.provide(ApiLive(settings)),
    HttpMiddleware.withTracerDisabledWhen(({ url }) => url.startsWith(callbackPath)),
    Layer.provide(CallWatch.layer),
    Layer.provide(ExotelCalls.layerConfig()),
    Layer.provide(NodeHttpClient.layerUndici),
    Layer.provide(Server)
  )))

NodeRuntime.runMain(Layer.launch(Service))
