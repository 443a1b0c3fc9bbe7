// The promises of the public types. The check of the packages compiles it under the lowest and the highest TypeScript.
import {
  Call,
  CallSid,
  type CallStatus,
  type ConnectError,
  ConnectRequest,
  ExotelCalls,
  type ExotelError,
  type RequestBudget
} from "@effect-exotel/core"
import type { FakeExotel } from "@effect-exotel/testing"
import type { CallWatch, FleetEvent, WatchError, WatchEvent, WatchToken } from "@effect-exotel/watch"
import type { HttpClient } from "@effect/platform"
import { type ConfigError, Effect, type Layer, Redacted, Schema, type Stream } from "effect"

type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
/** Compiles if both types are the same. */
declare const same: <A, B>(...difference: Equals<A, B> extends true ? [] : ["the types differ", A, B]) => void
// @ts-expect-error the comparison detects a difference
same<{ readonly a: string }, { readonly a: number }>()

type Reads = ReturnType<ExotelCalls.Service["get"]>
type ReadError =
  | ExotelError.AuthenticationError
  | ExotelError.AccessDenied
  | ExotelError.CallNotFound
  | ExotelError.RegionMismatch
  | ExotelError.InvalidRequest
  | ExotelError.RateLimited
  | ExotelError.ServiceUnavailable
  | ExotelError.TransportError
  | ExotelError.ResponseParseError
type FinalError =
  | ExotelError.AuthenticationError
  | ExotelError.AccessDenied
  | ExotelError.CallNotFound
  | ExotelError.RegionMismatch
  | ExotelError.InvalidRequest
  | WatchError.WatchTimeout

// Reads and placing: results, exact errors, no requirements.
same<ExotelError.ExotelError, ReadError>()
same<Reads, Effect.Effect<Call.Call, ReadError>>()
same<ReturnType<ExotelCalls.Service["getWithDetails"]>, Effect.Effect<Call.CallWithDetails, ReadError>>()
same<ExotelCalls.Service["verify"], Effect.Effect<void, Exclude<ReadError, ExotelError.CallNotFound>>>()
same<ReturnType<ExotelCalls.Service["connect"]>, Effect.Effect<Call.Call, ConnectError.ConnectError>>()
same<
  ConnectError.ConnectError,
  | Exclude<ReadError, ExotelError.CallNotFound | ExotelError.ResponseParseError>
  | ConnectError.CallOutcomeUnknown
  | ConnectError.DoNotDisturb
>()

// Watches: a result that has ended, and no transient error.
type Service = CallWatch.Service
same<WatchError.WatchError, FinalError>()
same<ReturnType<Service["awaitEnd"]>, Effect.Effect<Call.TerminalCall, FinalError>>()
same<ReturnType<Service["changes"]>, Stream.Stream<Call.Call, FinalError>>()
same<ReturnType<Service["events"]>, Stream.Stream<WatchEvent.WatchEvent, FinalError>>()
same<
  ReturnType<Service["connectAndAwaitEnd"]>,
  Effect.Effect<Call.TerminalCall, ConnectError.ConnectError | WatchError.PlacedCallWatchFailed>
>()
const fleet = (service: Service, sids: Stream.Stream<string, "failed", "queue">) => service.fleet(sids)
same<ReturnType<typeof fleet>, Stream.Stream<FleetEvent.FleetEvent, "failed" | ExotelError.InvalidRequest, "queue">>()
// @ts-expect-error `resume` takes a token, not its text
export const resumed = (service: Service) => service.resume("text")

// Layers: their services, errors and requirements.
const credentials = { apiKey: Redacted.make("key"), apiToken: Redacted.make("token"), accountSid: "acme1m" }
const live = ExotelCalls.layer({ ...credentials, region: "mumbai" })
type Calls = ExotelCalls.ExotelCalls | RequestBudget.RequestBudget
same<typeof live, Layer.Layer<Calls, ConfigError.ConfigError, HttpClient.HttpClient>>()
same<ReturnType<typeof ExotelCalls.layerConfig>, typeof live>()
same<typeof CallWatch.layer, Layer.Layer<CallWatch.CallWatch, never, Calls>>()
same<ReturnType<typeof FakeExotel.layer>, Layer.Layer<Calls | FakeExotel.FakeExotel, ConfigError.ConfigError>>()

// Configuration.
ExotelCalls.layer({ ...credentials, baseUrl: "http://127.0.0.1:4010" })
// @ts-expect-error neither a region nor a base URL
ExotelCalls.layer(credentials)
// @ts-expect-error an unknown region
ExotelCalls.layer({ ...credentials, region: "delhi" })
// @ts-expect-error a token that is not redacted
ExotelCalls.layer({ ...credentials, apiToken: "token", region: "mumbai" })
// @ts-expect-error a call has a caller id
ConnectRequest.twoNumbers({ from: "09876543210", to: "09123456789" })

// Brands, guards and encoded types.
// @ts-expect-error a string is not a sid
export const unchecked: CallSid.CallSid = "abc"
export const checked: CallSid.CallSid = Schema.decodeSync(CallSid.CallSid)("abc")
same<typeof Call.Call.Encoded["price"], string | null>()
same<typeof WatchToken.FromJson.Encoded, string>()
same<Call.TerminalCall["status"], "completed" | "failed" | "busy" | "no-answer" | "canceled">()
export const statusOf = (call: Call.Call): CallStatus.TerminalStatus | undefined => {
  // @ts-expect-error the status of a call may be any word
  const status: CallStatus.TerminalStatus = call.status
  return Call.isTerminal(call) ? call.status : status
}
export const read = (reads: Reads): Effect.Effect<string, Exclude<ReadError, ExotelError.CallNotFound>> =>
  reads.pipe(Effect.map((call) => call.sid), Effect.catchTag("CallNotFound", (error) => Effect.succeed(error.message)))
