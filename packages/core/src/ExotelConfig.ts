/**
 * Whose calls are read, and how: credentials, region, time zone, format, limits.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as AccountSid from "./AccountSid.ts"
import * as Region from "./Region.ts"

/**
 * What an application says. One of `region` and `baseUrl` is needed; if both are given, `baseUrl` is asked.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly apiKey: Redacted.Redacted
  readonly apiToken: Redacted.Redacted
  /** The account's sid, as Exotel's dashboard shows it under API settings. */
  readonly accountSid: string
  /** The cluster on which the account lives. */
  readonly region?: Region.Region | undefined
  /** Another host, such as a test server or a cluster that is not in the table of regions. Switches the probe off. */
  readonly baseUrl?: string | URL | undefined
  /** Lets a base URL go without TLS to a host that is not loopback. Credentials then travel in the clear. */
  readonly allowInsecure?: boolean | undefined
  /** The zone of the account's wall clock: an offset or an IANA name. Default: `+05:30`, as Indian accounts have. */
  readonly timeZone?: string | undefined
  /** The format asked for; what arrives is recognised by its content. Default: `json`. */
  readonly format?: "json" | "xml" | undefined
  /**
   * `auto` asks, after a 401 or 404, which region serves the account, so that a wrong region is not reported as a
   * missing call; one request or two, once. Default: `auto` with a region, `never` with a base URL.
   */
  readonly regionProbe?: "auto" | "never" | undefined
  /** The longest body that is read, in bytes. Default: 1 MiB. */
  readonly maxBodyBytes?: number | undefined
  /** The time-out of one attempt, answer and body together, its turn not waited for. Default: 10 seconds. */
  readonly timeout?: Duration.DurationInput | undefined
  /**
   * The highest number of requests in any sixty seconds, at least 1; further requests wait. Exotel allows an account 200,
   * all of its programs together, and more on request. `Infinity` is no limit. Used by `ExotelCalls.layer` and
   * `layerConfig`; `make` and `layerWithBudget` use the budget in the context instead. Default: 200.
   */
  readonly requestsPerMinute?: number | undefined
}

/**
 * Checked options, with every default filled in.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExotelConfig {
  readonly apiKey: Redacted.Redacted
  readonly apiToken: Redacted.Redacted
  readonly accountSid: AccountSid.AccountSid
  readonly region: Option.Option<Region.Region>
  /** Without a slash at its end. */
  readonly baseUrl: string
  readonly timeZone: DateTime.TimeZone
  readonly format: "json" | "xml"
  readonly regionProbe: "auto" | "never"
  readonly maxBodyBytes: number
  readonly timeout: Duration.Duration
  readonly requestsPerMinute: number
}

/**
 * The wall clock of Indian accounts, +05:30.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultTimeZone: DateTime.TimeZone = DateTime.zoneMakeOffset(5.5 * 60 * 60 * 1000)

/** The variables of {@link fromEnv}, for whoever has set one and never heard of the option. */
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
  // A line break at the end of a secret's file and an invisible character out of a web page are the usual mishaps.
  if (!/^[!-~]+$/.test(value)) {
    return invalid(option, "has white space or an unusual character in it; copy it anew, without line breaks")
  }
  if (option === "apiKey" && value.includes(":")) {
    return invalid(option, "has a colon in it, which Basic auth cannot carry")
  }
  return Either.right(secret)
}

const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" ||
  /^127(\.\d{1,3}){3}$/.test(hostname)

const checkBaseUrl = (input: string | URL, allowInsecure: boolean): Checked<string> => {
  // The URL itself stays out of every message: people do put credentials there.
  if (!URL.canParse(String(input))) return invalid("baseUrl", "is no URL; give one like https://api.exotel.com")
  const url = new URL(String(input))
  if (url.username !== "" || url.password !== "") {
    return invalid("baseUrl", "holds credentials; give them as apiKey and apiToken")
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    return invalid("baseUrl", "must begin with https://, or with http:// for loopback, like http://localhost:4010")
  }
  if (url.protocol === "http:" && !allowInsecure && !isLoopback(url.hostname)) {
    return invalid("baseUrl", "would send credentials without TLS; use https://, or set allowInsecure")
  }
  if (url.search !== "" || url.hash !== "") return invalid("baseUrl", "must not have a query or a fragment")
  return Either.right((url.origin + url.pathname).replace(/\/+$/, ""))
}

const checkTimeout = (input: Duration.DurationInput): Checked<Duration.Duration> =>
  Option.match(Duration.decodeUnknown(input), {
    onNone: () => invalid("timeout", "is no duration; give one like \"10 seconds\""),
    onSome: (timeout) =>
      Duration.greaterThan(timeout, Duration.zero) && Duration.isFinite(timeout)
        ? Either.right(timeout)
        : invalid("timeout", "must be finite and longer than zero")
  })

/**
 * Checks the options. Fails with a `ConfigError` that names the option, and never shows the value that it refuses.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Either.Either<ExotelConfig, ConfigError.ConfigError> =>
  Either.gen(function*() {
    const apiKey = yield* checkSecret("apiKey", options.apiKey)
    const apiToken = yield* checkSecret("apiToken", options.apiToken)
    if (!AccountSid.isAccountSid(options.accountSid)) {
      return yield* invalid("accountSid", "is made of letters, digits, - and _; find it under API settings")
    }
    if (options.region !== undefined && !Region.isRegion(options.region)) {
      return yield* invalid("region", `must be one of ${Region.all.join(", ")}; for another host give baseUrl`)
    }
    if (options.region === undefined && options.baseUrl === undefined) {
      return yield* invalid("region", `is missing; give ${Region.all.join(" or ")}, or a baseUrl`)
    }
    const custom = options.baseUrl !== undefined
    const baseUrl = yield* checkBaseUrl(
      options.baseUrl ?? Region.baseUrls[options.region ?? "singapore"],
      options.allowInsecure === true
    )
    const timeZone = DateTime.zoneFromString(options.timeZone ?? "+05:30")
    if (Option.isNone(timeZone)) {
      return yield* invalid("timeZone", "is no time zone; give an offset like +05:30 or a name like Asia/Kolkata")
    }
    const format = options.format ?? "json"
    if (format !== "json" && format !== "xml") return yield* invalid("format", "must be json or xml")
    const maxBodyBytes = options.maxBodyBytes ?? 1024 * 1024
    if (!Number.isSafeInteger(maxBodyBytes) || maxBodyBytes <= 0) {
      return yield* invalid("maxBodyBytes", "must be a whole number of bytes greater than zero")
    }
    const requestsPerMinute = options.requestsPerMinute ?? 200
    if (!(requestsPerMinute >= 1)) return yield* invalid("requestsPerMinute", "must be 1 or more")
    return {
      apiKey,
      apiToken,
      accountSid: options.accountSid,
      region: custom ? Option.none() : Option.fromNullable(options.region),
      baseUrl,
      timeZone: timeZone.value,
      format,
      regionProbe: custom ? "never" : options.regionProbe ?? "auto",
      maxBodyBytes,
      timeout: yield* checkTimeout(options.timeout ?? "10 seconds"),
      requestsPerMinute
    }
  })

/** Blank is absent: templates of deployments leave behind variables with nothing in them. */
const optional = (name: string): Config.Config<string | undefined> =>
  Config.option(Config.string(name)).pipe(
    Config.map((value) => Option.getOrUndefined(Option.filter(value, (text) => text.trim() !== "")))
  )

/** Not `Config.literal`, which shows what it refuses: in the wrong variable, that is a token. */
const region = Config.mapOrFail(
  optional("EXOTEL_REGION"),
  (value): Checked<Region.Region | undefined> =>
    value === undefined || Region.isRegion(value)
      ? Either.right(value)
      : invalid("EXOTEL_REGION", `must be one of ${Region.all.join(", ")}; for another host give EXOTEL_BASE_URL`)
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
  apiKey: Config.redacted("EXOTEL_API_KEY"),
  apiToken: Config.redacted("EXOTEL_API_TOKEN"),
  accountSid: Config.string("EXOTEL_ACCOUNT_SID"),
  region,
  baseUrl: optional("EXOTEL_BASE_URL"),
  timeZone: optional("EXOTEL_TIME_ZONE"),
  requestsPerMinute
})
