/** Accepted and refused configurations. No message shows a refused value. */
import { ExotelCalls, ExotelConfig } from "@effect-exotel/core"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import {
  Config,
  ConfigProvider,
  DateTime,
  Duration,
  Effect,
  Either,
  Inspectable,
  Layer,
  Option,
  Redacted
} from "effect"
import { inspect } from "node:util"
import { credentials, sid } from "./support/clients.ts"
import { status, stub } from "./support/stub.ts"

const make = (
  options: Partial<ExotelConfig.CommonOptions> & (ExotelConfig.Endpoint | { region?: never; baseUrl?: never })
) => ExotelConfig.make({ ...credentials, region: "mumbai", ...options })

/** Every way in which a value is usually printed. */
const printed = (value: unknown): string =>
  [
    String(value),
    JSON.stringify(value),
    inspect(value, { depth: Infinity, showHidden: true }),
    Inspectable.toStringUnknown(value)
  ]
    .join("\n")

const refuses = (
  option: string,
  what: string,
  options: Partial<ExotelConfig.CommonOptions> & (ExotelConfig.Endpoint | { region?: never; baseUrl?: never }),
  hidden: string
) =>
  it(`refuses ${what}, names the option and does not show the value`, () => {
    const result = make(options)
    assert.isTrue(Either.isLeft(result))
    if (Either.isRight(result)) return
    assert.deepInclude(result.left, { _op: "InvalidData", path: [option] })
    if (hidden !== "") assert.notInclude(printed(result.left), hidden)
  })

describe("options", () => {
  it("fills in the defaults", () => {
    const config = Either.getOrThrow(make({}))
    assert.strictEqual(config.baseUrl, "https://api.in.exotel.com")
    deepStrictEqual(config.region, Option.some("mumbai"))
    assert.strictEqual(config.format, "json")
    assert.strictEqual(config.regionProbe, "auto")
    assert.strictEqual(config.maxBodyBytes, 1_048_576)
    deepStrictEqual(config.timeout, Duration.seconds(10))
    assert.strictEqual(DateTime.zoneToString(config.timeZone), "+05:30")
  })

  it("prefers the base URL to the region, and disables the region probe", () => {
    const config = Either.getOrThrow(make({ baseUrl: "https://exotel.example.com/", regionProbe: "auto" }))
    assert.strictEqual(config.baseUrl, "https://exotel.example.com")
    deepStrictEqual(config.region, Option.none())
    assert.strictEqual(config.regionProbe, "never")
  })

  for (
    const [given, kept] of [
      ["https://h.example/", "https://h.example"],
      ["https://h.example/a/b//", "https://h.example/a/b"],
      ["https://H.Example:443/x", "https://h.example/x"],
      ["http://localhost:8080", "http://localhost:8080"],
      ["http://127.0.0.1:1", "http://127.0.0.1:1"],
      ["http://127.8.9.1", "http://127.8.9.1"],
      ["http://[::1]:8080/", "http://[::1]:8080"],
      ["http://exotel.localhost", "http://exotel.localhost"]
    ] as const
  ) {
    it(`takes ${given} for a base URL`, () => {
      assert.strictEqual(Either.getOrThrow(make({ baseUrl: given })).baseUrl, kept)
      assert.strictEqual(Either.getOrThrow(make({ baseUrl: new URL(given) })).baseUrl, kept)
    })
  }

  it("accepts a base URL without TLS with allowInsecure", () => {
    assert.isTrue(Either.isRight(make({ baseUrl: "http://proxy.example", allowInsecure: true })))
  })

  for (
    const [what, baseUrl] of [
      ["a base URL with a user and a password", "https://canary:secret@api.exotel.com"],
      ["a base URL with a user", "https://canary@api.exotel.com"],
      ["a base URL with a password", "https://:canary@api.exotel.com"],
      ["a base URL with encoded credentials", "https://canary%40x:y@api.exotel.com"],
      ["a base URL without TLS", "http://canary.example"],
      ["a base URL that only looks like loopback", "http://127.0.0.1.canary.example"],
      ["a base URL whose user looks like loopback", "http://localhost@canary.example"],
      ["a base URL on a host that begins like loopback", "http://localhost.canary.example"],
      ["a base URL on every address of the machine", "http://0.0.0.0"],
      ["a base URL with a query", "https://api.exotel.com/?canary=1"],
      ["a base URL with a fragment", "https://api.exotel.com/#canary"],
      ["a base URL of another protocol", "ftp://canary.example"],
      ["a script for a base URL", "javascript:canary()"],
      ["a file for a base URL", "file:///canary"],
      ["a base URL that is a path", "/canary"],
      ["a base URL that is a word", "canary"],
      ["a base URL without a host", "https://"],
      ["a base URL with an invalid port", "https://canary:99999"],
      ["an empty base URL", ""]
    ] as const
  ) refuses("baseUrl", what, { baseUrl }, baseUrl === "" ? "" : "canary")

  for (
    const [what, secret] of [
      ["is empty", ""],
      ["is blank", "   "],
      ["ends with a line break", "canary\n"],
      ["begins with a space", " canary"],
      ["has a tab in it", "can\tary"],
      ["has a control character in it", "can\u0000ary"],
      ["has a no-break space in it", "can\u00a0ary"],
      ["has a zero-width space in it, as copied from a web page", "canary\u200b"],
      ["has half a character in it", "canary\ud800"]
    ] as const
  ) {
    refuses("apiKey", `an API key that ${what}`, { apiKey: Redacted.make(secret) }, secret.trim() === "" ? "" : secret)
    refuses("apiToken", `a token that ${what}`, { apiToken: Redacted.make(secret) }, secret.trim() === "" ? "" : secret)
  }
  refuses("apiKey", "an API key that Basic auth would cut in two", { apiKey: Redacted.make("can:ary") }, "can:ary")

  it("accepts every character in a token that Basic auth can send", () => {
    assert.isTrue(Either.isRight(make({ apiToken: Redacted.make("a:b+c/d=e") })))
  })

  for (const accountSid of ["", "acme/1", "../acme", "acme 1", "acme?x", "acme\n", "äcme", "%2e%2e"]) {
    refuses("accountSid", `${JSON.stringify(accountSid)} for an account`, { accountSid }, accountSid)
  }

  refuses("timeZone", "an unknown time zone", { timeZone: "canary" }, "canary")
  for (const maxBodyBytes of [0, -1, 1.5, NaN, Infinity]) {
    refuses("maxBodyBytes", `a cap of ${maxBodyBytes} bytes`, { maxBodyBytes }, "")
  }
  for (const timeout of [0, -1, Infinity, "canary seconds" as "1 second"]) {
    refuses("timeout", `a time-out of ${timeout}`, { timeout }, typeof timeout === "string" ? "canary" : "")
  }
  // A program without types may pass these.
  refuses("region", "a region that is not in the table", { region: "canary" as "mumbai" }, "canary")
  refuses("format", "an unknown format", { format: "canary" as "xml" }, "canary")

  it("reports all invalid options at once", () => {
    const error = make({ apiKey: Redacted.make(""), timeZone: "canary", timeout: 0, accountSid: "a/b" }).pipe(
      Either.flip,
      Either.getOrThrow
    )
    for (const option of ["apiKey", "timeZone", "timeout", "accountSid"]) assert.include(printed(error), option)
    assert.notInclude(printed(error), "canary")
  })

  it("needs a region or a base URL", () => {
    // @ts-expect-error A program without types can omit both.
    const result = ExotelConfig.make(credentials)
    assert.deepInclude(Either.flip(result).pipe(Either.getOrThrow), {
      _op: "InvalidData",
      path: ["region"]
    })
  })
})

const complete = {
  EXOTEL_API_KEY: "key-of-canary",
  EXOTEL_API_TOKEN: "token-of-canary",
  EXOTEL_ACCOUNT_SID: "acme1m",
  EXOTEL_REGION: "mumbai"
}

const fromEnv = (variables: Readonly<Record<string, string>>) =>
  Effect.flatMap(ExotelConfig.fromEnv, ExotelConfig.make).pipe(
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))
  )

describe("the environment", () => {
  it.effect("names the account", () =>
    Effect.gen(function*() {
      const config = yield* fromEnv({ ...complete, EXOTEL_TIME_ZONE: "Asia/Dubai" })
      assert.strictEqual(config.accountSid, "acme1m")
      deepStrictEqual(config.region, Option.some("mumbai"))
      assert.strictEqual(Redacted.value(config.apiKey), "key-of-canary")
      assert.strictEqual(DateTime.zoneToString(config.timeZone), "Asia/Dubai")
    }))

  it.effect("is reported with everything that is missing or invalid at once", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(fromEnv({ EXOTEL_REQUESTS_PER_MINUTE: "canary" }))
      for (const name of Object.keys(complete)) assert.include(printed(error), name)
      assert.include(printed(error), "EXOTEL_REQUESTS_PER_MINUTE")
      assert.notInclude(printed(error), "canary")
    }))

  it.effect("reports blank variables as missing, together with the others and by what is wrong", () =>
    Effect.gen(function*() {
      const blank = Object.fromEntries(Object.keys(complete).map((name) => [name, " "]))
      for (const variables of [{}, blank]) {
        const message = printed(yield* Effect.flip(fromEnv(variables)))
        for (const name of Object.keys(complete)) assert.include(message, `${name}: "is missing`)
      }
    }))

  it.effect("may name a base URL in place of a region", () =>
    Effect.gen(function*() {
      const { EXOTEL_REGION: _, ...rest } = complete
      const config = yield* fromEnv({ ...rest, EXOTEL_BASE_URL: "http://127.0.0.1:4010" })
      assert.strictEqual(config.baseUrl, "http://127.0.0.1:4010")
    }))

  it.effect("may leave what is optional blank, as a template of a deployment does", () =>
    Effect.gen(function*() {
      const config = yield* fromEnv({ ...complete, EXOTEL_BASE_URL: "", EXOTEL_TIME_ZONE: " " })
      assert.strictEqual(config.baseUrl, "https://api.in.exotel.com")
      assert.strictEqual(DateTime.zoneToString(config.timeZone), "+05:30")
    }))

  for (const name of ["EXOTEL_API_KEY", "EXOTEL_API_TOKEN", "EXOTEL_ACCOUNT_SID"] as const) {
    it.effect(`must hold ${name}`, () =>
      Effect.gen(function*() {
        const { [name]: _, ...rest } = complete
        const error = yield* Effect.flip(fromEnv(rest))
        assert.include(printed(error), name)
        assert.notInclude(printed(error), "canary")
      }))
  }

  for (
    const [what, variables] of [
      ["no region", { EXOTEL_REGION: "" }],
      ["a misspelt region", { EXOTEL_REGION: "mumbay-canary" }],
      ["a region in capitals with something after it", { EXOTEL_REGION: "Mumbai canary" }],
      ["a token in the place of the region", { EXOTEL_REGION: "token-of-canary" }],
      ["credentials in the base URL", { EXOTEL_BASE_URL: "https://canary:canary@api.exotel.com" }],
      ["an unknown time zone", { EXOTEL_TIME_ZONE: "canary" }],
      ["an account that is a path", { EXOTEL_ACCOUNT_SID: "../canary" }],
      ["a blank key", { EXOTEL_API_KEY: " " }]
    ] as const
  ) {
    it.effect(`is refused with ${what}, without showing a value`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(fromEnv({ ...complete, ...variables }))
        assert.notInclude(printed(error), "canary")
      }))
  }

  it.effect("says which regions there are when one is misspelt", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(fromEnv({ ...complete, EXOTEL_REGION: "mumbay" }))
      assert.include(printed(error), "EXOTEL_REGION")
      assert.include(printed(error), "singapore")
      assert.include(printed(error), "mumbai")
    }))
})

describe("layers", () => {
  const sent = (layer: (client: ReturnType<typeof stub>) => Layer.Layer<ExotelCalls.ExotelCalls, unknown>) =>
    Effect.gen(function*() {
      const client = stub(() => status(404))
      yield* Effect.flatMap(ExotelCalls.ExotelCalls, (calls) => Effect.exit(calls.get(sid))).pipe(
        Effect.provide(layer(client)),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(complete))))
      )
      return client.urls[0]
    })

  it.effect("come from options", () =>
    Effect.gen(function*() {
      const url = yield* sent((client) =>
        Layer.provide(ExotelCalls.layer({ ...credentials, region: "singapore" }), client.layer)
      )
      assert.strictEqual(url, `https://api.exotel.com/v1/Accounts/acme1m/Calls/${sid}.json`)
    }))

  it.effect("come from the environment", () =>
    Effect.gen(function*() {
      const url = yield* sent((client) => Layer.provide(ExotelCalls.layerConfig(), client.layer))
      assert.strictEqual(url, `https://api.in.exotel.com/v1/Accounts/acme1m/Calls/${sid}.json`)
    }))

  it.effect("come from a Config of all options", () =>
    Effect.gen(function*() {
      const config = Config.map(ExotelConfig.fromEnv, (options) => ({ ...options, format: "xml" as const }))
      const url = yield* sent((client) => Layer.provide(ExotelCalls.layerConfig(config), client.layer))
      assert.strictEqual(url, `https://api.in.exotel.com/v1/Accounts/acme1m/Calls/${sid}`)
    }))

  it.effect("come from a struct of Configs, with what is optional in it or not", () =>
    Effect.gen(function*() {
      const needed = {
        apiKey: Config.redacted("EXOTEL_API_KEY"),
        apiToken: Config.redacted("EXOTEL_API_TOKEN"),
        accountSid: Config.string("EXOTEL_ACCOUNT_SID"),
        region: Config.literal("singapore", "mumbai")("EXOTEL_REGION")
      }
      const url = yield* sent((client) => Layer.provide(ExotelCalls.layerConfig(needed), client.layer))
      assert.strictEqual(url, `https://api.in.exotel.com/v1/Accounts/acme1m/Calls/${sid}.json`)
      const more = {
        ...needed,
        baseUrl: Config.succeed("http://127.0.0.1:1/"),
        timeout: Config.duration("EXOTEL_TIMEOUT").pipe(Config.withDefault(Duration.seconds(1))),
        format: Config.succeed("xml" as const),
        maxBodyBytes: Config.succeed(10)
      }
      const other = yield* sent((client) => Layer.provide(ExotelCalls.layerConfig(more), client.layer))
      assert.strictEqual(other, `http://127.0.0.1:1/v1/Accounts/acme1m/Calls/${sid}`)
    }))

  it.effect("fail when they are built, before any request", () =>
    Effect.gen(function*() {
      const client = stub(() => status(404))
      const layer = Layer.provide(
        ExotelCalls.layer({ ...credentials, baseUrl: "http://exotel.example" }),
        client.layer
      )
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      assert.strictEqual(error._op, "InvalidData")
      deepStrictEqual(client.urls, [])
    }))
})
