/** The credentials in use. After a 401 they are read again, if the application provides an effect for it. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import * as ExotelConfig from "../../ExotelConfig.ts"
import { secretForms } from "../redact/masking.ts"

interface InUse {
  readonly authorization: Redacted.Redacted
  /** Every form in which a server may return the credentials, and those they have replaced. */
  readonly secrets: ReadonlyArray<string>
}

export interface Credentials {
  readonly current: () => InUse
  /** Reads the credentials again; returns whether others than the `rejected` ones are in use. Concurrent callers share it. */
  readonly refresh: (rejected: InUse) => Effect.Effect<boolean>
}

const inUse = ({ apiKey, apiToken }: ExotelConfig.Credentials, replaced: ReadonlyArray<string>): InUse => {
  const key = Redacted.value(apiKey)
  const token = Redacted.value(apiToken)
  const basic = Encoding.encodeBase64(`${key}:${token}`)
  return {
    authorization: Redacted.make(`Basic ${basic}`),
    secrets: [...new Set([...secretForms(key, token, basic), ...replaced])]
  }
}

export const make = (config: ExotelConfig.ExotelConfig): Effect.Effect<Credentials> =>
  Effect.map(Effect.makeSemaphore(1), (oneAtATime) => {
    let current = inUse(config, [])
    let refreshes = 0
    const { refreshCredentials } = config

    const load = (source: ExotelConfig.RefreshCredentials) =>
      source.pipe(
        Effect.flatMap((credentials) => Either.map(ExotelConfig.checkCredentials(credentials), () => credentials)),
        Effect.map((credentials) => {
          const next = inUse(credentials, current.secrets)
          if (Redacted.value(next.authorization) !== Redacted.value(current.authorization)) current = next
        }),
        // The error may contain a credential.
        Effect.catchAll(() => Effect.logWarning("The credentials could not be read again after a 401")),
        Effect.ensuring(Effect.sync(() => refreshes++))
      )

    return {
      current: () => current,
      refresh: (rejected) => {
        if (refreshCredentials === undefined) return Effect.succeed(false)
        return Effect.suspend(() => {
          const seen = refreshes
          const once = Effect.suspend(() =>
            current !== rejected || refreshes !== seen ? Effect.void : load(refreshCredentials)
          )
          return Effect.map(oneAtATime.withPermits(1)(once), () => current !== rejected)
        })
      }
    }
  })
