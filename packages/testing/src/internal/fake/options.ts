/** The options of a fake and of the calls that are placed in it. */
import type * as ExotelConfig from "@effect-exotel/core/ExotelConfig"
import type * as Region from "@effect-exotel/core/Region"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import type { CallbackPlan } from "../../CallbackPlan.ts"
import type { ConnectPlan, Settings as ConnectSettings } from "../../ConnectPlan.ts"
import type { FaultPlan } from "../../FaultPlan.ts"
import type { WireFormat } from "../../WireFormat.ts"
import type { Numbers } from "./records.ts"

/**
 * An account that the fake knows.
 *
 * @since 0.1.0
 * @category models
 */
export interface Account {
  readonly accountSid: string
  readonly apiKey: Redacted.Redacted
  readonly apiToken: Redacted.Redacted
  readonly region: Region.Region
}

/**
 * The default account of a fake: `acme1m`, in Mumbai.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultAccount: Account = {
  accountSid: "acme1m",
  apiKey: Redacted.make("fake-api-key"),
  apiToken: Redacted.make("fake-api-token"),
  region: "mumbai"
}

/**
 * How the fake is. Everything has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The first one is the account of `options` and of the layers' `ExotelCalls`. Default: `defaultAccount` alone. */
  readonly accounts?: readonly [Account, ...ReadonlyArray<Account>] | undefined
  /** Further options for the layers' `ExotelCalls`, such as `{ format: "xml" }`. */
  readonly client?: Partial<ExotelConfig.CommonOptions> & { readonly region?: Region.Region } | undefined
  /** The zone of the wall clocks in records. Default: `+05:30`. */
  readonly timeZone?: string | undefined
  /** From which sids and chances are drawn; a whole number. Default: 1. */
  readonly seed?: number | undefined
  /** How records are written, where it differs from `WireFormat.standard`. */
  readonly wireFormat?: Partial<WireFormat> | undefined
  /**
   * How many requests an account may make in any minute, before 429. Default: 200, as Exotel's. The layers' client, which
   * waits for permits after 200, is given a higher limit but never a lower one.
   */
  readonly requestsPerMinute?: number | undefined
  /** The form of `Retry-After` on a 429; it is not confirmed that Exotel sends it. Default: `absent`. */
  readonly retryAfter?: "absent" | "seconds" | "date" | undefined
  /** How long after its end a call appears in the bulk read; Exotel's lag is unknown. Default: 0. */
  readonly bulkLag?: Duration.DurationInput | undefined
  /**
   * Whether bulk reads with `details=true` carry details. No document says so; production clients differ. Default: `true`.
   */
  readonly bulkDetails?: boolean | undefined
  /**
   * Whether the `Status` filter of the bulk read accepts a comma-separated list, as documented, or rejects it with 400, as
   * one client reports. Default: `list`.
   */
  readonly statusFilter?: "list" | "single" | undefined
  /** The status with which a region answers for an account of another region; both are reported. Default: 404. */
  readonly wrongRegion?: 401 | 404 | undefined
  /** The HTTP status for an unknown call, whose body says 404; one capture has 400. Default: 404. */
  readonly unknownCall?: 400 | 404 | undefined
  /** The callback of each call that is placed without one of its own. Default: none. */
  readonly statusCallback?: CallbackPlan | undefined
  /**
   * The client that delivers callbacks. Default: none over the fake wire, undici for a server. To test a route, use
   * `deliverCallbacks` of the service instead.
   */
  readonly callbackClient?: HttpClient.HttpClient | undefined
  /** The outcomes of requests to place a call. Default: each places a call that is answered. */
  readonly connect?: ConnectPlan | undefined
  readonly connectSettings?: ConnectSettings | undefined
  /** The planned faults. The service's `faults` adds more. */
  readonly faults?: FaultPlan | undefined
  /**
   * Whether requests for calls, accounts and credentials that the fake does not know fail the test, and so do connect
   * requests without a planned outcome or with an undocumented field, and planned outcomes that were not used. Requests
   * for what the fake does not do at all always fail it. Default: `false`.
   */
  readonly strict?: boolean | undefined
  /**
   * Whether the layer, when it is closed after a success, checks as `verify` does and dies if something is amiss.
   * Default: `true`.
   */
  readonly verifyOnClose?: boolean | undefined
  /** How many of the latest requests the journal keeps. Default: all. */
  readonly journalLimit?: number | undefined
}

type Optional<A> = { readonly [K in keyof A]?: A[K] | undefined }

/**
 * Options of one placed call.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlaceOptions extends Optional<Numbers> {
  /** Default: a new one, in the form of Exotel's. */
  readonly sid?: string | undefined
  /** Default: the fake's first account. */
  readonly accountSid?: string | undefined
  /** The callback of this call. Default: the fake's `statusCallback`, if any. */
  readonly statusCallback?: CallbackPlan | undefined
  /** The delay before the call begins; it cannot be read before. Default: 0. */
  readonly startsIn?: Duration.DurationInput | undefined
  /** For so long after its beginning the call cannot be read yet, as may happen to one just created. Default: 0. */
  readonly readableAfter?: Duration.DurationInput | undefined
}
