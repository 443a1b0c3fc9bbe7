/**
 * The configuration of a client: credentials, region, time zone, format, limits.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as AccountSid from "./AccountSid.ts"
import * as Region from "./Region.ts"

/**
 * The credentials of an account.
 *
 * @since 0.1.0
 * @category models
 */
export interface Credentials {
  readonly apiKey: Redacted.Redacted
  readonly apiToken: Redacted.Redacted
}

/**
 * Reads the current credentials, for example from a secret store.
 *
 * @since 0.1.0
 * @category models
 */
export type RefreshCredentials = Effect.Effect<Credentials, unknown>

/**
 * The options of a client other than its region and base URL.
 *
 * @since 0.1.0
 * @category models
 */
export interface CommonOptions extends Credentials {
  /**
   * Reads the credentials again after a 401, so that they can be rotated while the program runs. When they have changed,
   * the request is sent once more, also one that places a call, because a 401 proves that none was placed. Requests that
   * are refused at the same time share one refresh. If it fails, or returns the same credentials, the 401 remains. Give it
   * a timeout of its own. Default: the credentials stay as they are.
   */
  readonly refreshCredentials?: RefreshCredentials | undefined
  /** The account's sid, as Exotel's dashboard shows it under API settings. */
  readonly accountSid: string
  /** Allows a base URL without TLS to a host that is not loopback. Credentials are then sent unencrypted. */
  readonly allowInsecure?: boolean | undefined
  /** The time zone of the account: an offset or an IANA name. Default: `+05:30`, that of Indian accounts. */
  readonly timeZone?: string | undefined
  /** The requested format; a response is recognised by its content. Default: `json`. */
  readonly format?: "json" | "xml" | undefined
  /**
   * `auto` finds the region of the account after a 401 or 404, so that a wrong region is not reported as a missing call. It
   * costs one or two requests, once. Default: `auto` with a region, `never` with a base URL.
   */
  readonly regionProbe?: "auto" | "never" | undefined
  /** The longest body that is read, in bytes. Default: 1 MiB. */
  readonly maxBodyBytes?: number | undefined
  /** The timeout of one attempt, from sending to the end of the body; waiting for a permit does not count. Default: 10 s. */
  readonly timeout?: Duration.DurationInput | undefined
  /**
   * The timeout of `connect`. Exotel tries several routes before it responds, usually within about a second, and a
   * timeout leaves it unknown whether the call was placed; so it is longer than that of a read. Default: 30 s.
   */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /**
   * The highest number of requests in any sixty seconds, at least 1; further requests wait. Exotel allows an account 200,
   * all of its programs together, and more on request. `Infinity` is no limit. Used by `ExotelCalls.layer` and
   * `layerConfig`; `make` and `layerWithBudget` use the budget in the context instead. Default: 200.
   */
  readonly requestsPerMinute?: number | undefined
}

/**
 * The Exotel server of a client, by the region of the account or by a base URL, which takes precedence. A base URL selects
 * another host, such as a test server or a cluster that is not in the list of regions. It disables the region probe.
 *
 * @since 0.1.0
 * @category models
 */
export type Endpoint =
  | { readonly region: Region.Region; readonly baseUrl?: string | URL | undefined }
  | { readonly region?: Region.Region | undefined; readonly baseUrl: string | URL }

/**
 * The options of a client. One of `region` and `baseUrl` is required.
 *
 * @since 0.1.0
 * @category models
 */
export type Options = CommonOptions & Endpoint

/**
 * Checked options, with every default filled in.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExotelConfig extends Credentials {
  readonly refreshCredentials?: RefreshCredentials
  readonly accountSid: AccountSid.AccountSid
  readonly region: Option.Option<Region.Region>
  /** Without a slash at its end. */
  readonly baseUrl: string
  readonly timeZone: DateTime.TimeZone
  readonly format: "json" | "xml"
  readonly regionProbe: "auto" | "never"
  readonly maxBodyBytes: number
  readonly timeout: Duration.Duration
  readonly connectTimeout: Duration.Duration
  readonly requestsPerMinute: number
}

/**
 * The wall clock of Indian accounts, +05:30.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultTimeZone: DateTime.TimeZone = DateTime.zoneMakeOffset(5.5 * 60 * 60 * 1000)

/** The variables of {@link fromEnv}, for the messages to users who set a variable and not an option. */
const variables: { readonly [option: string]: string } = {
  apiKey: "EXOTEL_API_KEY",
  apiToken: "EXOTEL_API_TOKEN",
  accountSid: "EXOTEL_ACCOUNT_SID",
  region: "EXOTEL_REGION",
  baseUrl: "EXOTEL_BASE_URL",
  timeZone: "EXOTEL_TIME_ZONE",
  requestsPerMinute: "EXOTEL_REQUESTS_PER_MINUTE"
}

const invalid = (option: string, message: string) => {
  const variable = variables[option]
  return Either.left(
    ConfigError.InvalidData([option], variable === undefined ? message : `${message} (in the environment: ${variable})`)
  )
}

type Checked<A> = Either.Either<A, ConfigError.ConfigError>

const checkSecret = (option: "apiKey" | "apiToken", secret: Redacted.Redacted): Checked<Redacted.Redacted> => {
  const value = Redacted.value(secret)
  if (value === "") return invalid(option, "is empty")
  // Usual causes: a line break at the end of a file, an invisible character copied from a web page.
  if (!/^[!-~]+$/.test(value)) {
    return invalid(option, "contains white space or an unusual character; copy it again without line breaks")
  }
  if (option === "apiKey" && value.includes(":")) {
    return invalid(option, "contains a colon, which Basic authentication cannot send; check the key")
  }
  return Either.right(secret)
}

/**
 * Checks credentials. The error names the invalid ones and contains no value.
 *
 * @since 0.1.0
 * @category constructors
 */
export const checkCredentials = (
  { apiKey, apiToken }: Credentials
): Either.Either<Credentials, ConfigError.ConfigError> =>
  Either.all({ apiKey: checkSecret("apiKey", apiKey), apiToken: checkSecret("apiToken", apiToken) })

const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" ||
  /^127(\.\d{1,3}){3}$/.test(hostname)

const checkBaseUrl = (input: string | URL, allowInsecure: boolean): Checked<string> => {
  // No message shows the URL: it may contain credentials.
  if (!URL.canParse(String(input))) return invalid("baseUrl", "is not a URL; use one like https://api.exotel.com")
  const url = new URL(String(input))
  if (url.username !== "" || url.password !== "") {
    return invalid("baseUrl", "contains credentials; set apiKey and apiToken instead")
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    return invalid("baseUrl", "must begin with https://, or with http:// for loopback, like http://localhost:4010")
  }
  if (url.protocol === "http:" && !allowInsecure && !isLoopback(url.hostname)) {
    return invalid("baseUrl", "would send credentials without TLS; use https://, or set allowInsecure")
  }
  if (url.search !== "" || url.hash !== "") {
    return invalid("baseUrl", "must not contain a query or a fragment; remove it")
  }
  return Either.right((url.origin + url.pathname).replace(/\/+$/, ""))
}

const checkTimeout = (
  option: "timeout" | "connectTimeout",
  input: Duration.DurationInput
): Checked<Duration.Duration> =>
  Option.match(Duration.decodeUnknown(input), {
    onNone: () => invalid(option, "is not a duration; use one like \"10 seconds\""),
    onSome: (timeout) =>
      Duration.greaterThan(timeout, Duration.zero) && Duration.isFinite(timeout)
        ? Either.right(timeout)
        : invalid(option, "must be finite and longer than zero")
  })

const checkAccountSid = (accountSid: string): Checked<AccountSid.AccountSid> =>
  AccountSid.isAccountSid(accountSid)
    ? Either.right(accountSid)
    : invalid("accountSid", "must consist of letters, digits, - and _; it is shown under API settings")

/** The region, unless a base URL replaces it, and the base URL. */
const checkEndpoint = (
  { allowInsecure, baseUrl, region }: CommonOptions & Partial<Endpoint>
): Checked<Pick<ExotelConfig, "region" | "baseUrl">> => {
  if (region !== undefined && !Region.isRegion(region)) {
    return invalid("region", `must be one of ${Region.all.join(", ")}; for another host set baseUrl`)
  }
  if (baseUrl !== undefined) {
    return Either.map(checkBaseUrl(baseUrl, allowInsecure === true), (baseUrl) => ({ region: Option.none(), baseUrl }))
  }
  return region === undefined
    ? invalid("region", `is missing; set it to ${Region.all.join(" or ")}, or set baseUrl`)
    : Either.right({ region: Option.some(region), baseUrl: Region.baseUrls[region] })
}

const checkTimeZone = (input: string): Checked<DateTime.TimeZone> =>
  Option.match(DateTime.zoneFromString(input), {
    onNone: () => invalid("timeZone", "is not a time zone; use an offset like +05:30 or a name like Asia/Kolkata"),
    onSome: Either.right
  })

const check = <A>(option: string, value: A, isValid: (value: A) => boolean, message: string): Checked<A> =>
  isValid(value) ? Either.right(value) : invalid(option, message)

/**
 * Checks the options. Fails with a `ConfigError` that names every invalid option and contains no refused value.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Either.Either<ExotelConfig, ConfigError.ConfigError> => {
  const checks = {
    apiKey: checkSecret("apiKey", options.apiKey),
    apiToken: checkSecret("apiToken", options.apiToken),
    accountSid: checkAccountSid(options.accountSid),
    endpoint: checkEndpoint(options),
    timeZone: checkTimeZone(options.timeZone ?? "+05:30"),
    format: check(
      "format",
      options.format ?? "json",
      (format) => format === "json" || format === "xml",
      "must be json or xml"
    ),
    maxBodyBytes: check(
      "maxBodyBytes",
      options.maxBodyBytes ?? 1024 * 1024,
      (bytes) => Number.isSafeInteger(bytes) && bytes > 0,
      "must be a whole number of bytes greater than zero"
    ),
    timeout: checkTimeout("timeout", options.timeout ?? "10 seconds"),
    connectTimeout: checkTimeout("connectTimeout", options.connectTimeout ?? "30 seconds"),
    requestsPerMinute: check(
      "requestsPerMinute",
      options.requestsPerMinute ?? 200,
      (count) => count >= 1,
      "must be 1 or more"
    )
  }
  const errors = Object.values<Checked<unknown>>(checks).flatMap((checked) =>
    Either.isLeft(checked) ? [checked.left] : []
  )
  if (errors.length > 0) return Either.left(errors.reduce((left, right) => ConfigError.And(left, right)))
  return Either.map(Either.all(checks), ({ endpoint, ...checked }) => ({
    ...checked,
    ...endpoint,
    ...(options.refreshCredentials === undefined ? {} : { refreshCredentials: options.refreshCredentials }),
    regionProbe: Option.isNone(endpoint.region) ? "never" : options.regionProbe ?? "auto"
  }))
}

/** A blank variable is absent: deployment templates produce them. */
const optional = (name: string): Config.Config<string | undefined> =>
  Config.option(Config.string(name)).pipe(
    Config.map((value) => Option.getOrUndefined(Option.filter(value, (text) => text.trim() !== "")))
  )

/** Not `Config.redacted`, whose error says `<redacted>` in place of what is wrong. */
const required = (name: string): Config.Config<string> =>
  Config.mapOrFail(
    optional(name),
    (value): Checked<string> =>
      value === undefined ? Either.left(ConfigError.MissingData([name], "is missing")) : Either.right(value)
  )

/** Not `Config.literal`, which shows the refused value: it could be a token in the wrong variable. */
const region = Config.mapOrFail(
  optional("EXOTEL_REGION"),
  (value): Checked<Region.Region | undefined> =>
    value === undefined || Region.isRegion(value)
      ? Either.right(value)
      : invalid("EXOTEL_REGION", `must be one of ${Region.all.join(", ")}; for another host set EXOTEL_BASE_URL`)
)

const endpoint = Config.all({ region, baseUrl: optional("EXOTEL_BASE_URL") }).pipe(
  Config.mapOrFail(({ baseUrl, region }): Checked<Endpoint> => {
    if (baseUrl !== undefined) return Either.right({ region, baseUrl })
    if (region !== undefined) return Either.right({ region })
    return Either.left(
      ConfigError.MissingData(
        ["EXOTEL_REGION"],
        `is missing; set it to ${Region.all.join(" or ")}, or set EXOTEL_BASE_URL`
      )
    )
  })
)

const requestsPerMinute = Config.mapOrFail(
  optional("EXOTEL_REQUESTS_PER_MINUTE"),
  (value): Checked<number | undefined> =>
    value === undefined
      ? Either.right(undefined)
      : Number(value) >= 1
      ? Either.right(Number(value))
      : invalid("EXOTEL_REQUESTS_PER_MINUTE", "must be a number of 1 or more")
)

/**
 * The options from the environment (or any `ConfigProvider`): `EXOTEL_API_KEY`, `EXOTEL_API_TOKEN`,
 * `EXOTEL_ACCOUNT_SID`, and `EXOTEL_REGION` (`singapore` or `mumbai`) or `EXOTEL_BASE_URL`; optionally
 * `EXOTEL_TIME_ZONE` and `EXOTEL_REQUESTS_PER_MINUTE`. A blank variable counts as absent.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromEnv: Config.Config<Options> = Config.all({
  apiKey: Config.map(required("EXOTEL_API_KEY"), Redacted.make),
  apiToken: Config.map(required("EXOTEL_API_TOKEN"), Redacted.make),
  accountSid: required("EXOTEL_ACCOUNT_SID"),
  endpoint,
  timeZone: optional("EXOTEL_TIME_ZONE"),
  requestsPerMinute
}).pipe(Config.map(({ endpoint, ...options }) => ({ ...options, ...endpoint })))
