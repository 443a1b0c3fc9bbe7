/**
 * Signals over `NOTIFY` and `LISTEN` of Postgres. The index of this package does not export it, so that
 * `@effect/sql-pg` stays optional.
 *
 * @since 0.1.0
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { FleetSignals, type Signal } from "../FleetSignals.ts"

const CHANNEL = "exotel_fleet"

/** The client does not report that its listening connection was lost, so it is renewed at this interval. */
const RENEW = Duration.minutes(1)

const Payload = Schema.parseJson(Schema.Union(
  Schema.TaggedStruct("Added", { fleet: Schema.String }),
  Schema.TaggedStruct("Hint", { fleet: Schema.String, sid: Schema.String })
))
const decode = Schema.decodeOption(Payload)
const encode = Schema.encodeSync(Payload)

/**
 * A signal inside a transaction is sent when it commits. Needs one connection more for each process that listens.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<FleetSignals, never, PgClient.PgClient> = Layer.effect(
  FleetSignals,
  Effect.map(PgClient.PgClient, (sql) => ({
    publish: (signal: Signal) => Effect.asVoid(sql`SELECT pg_notify(${CHANNEL}, ${encode(signal)})`),
    signals: sql.listen(CHANNEL).pipe(
      Stream.interruptAfter(RENEW),
      // The connection may be lost in any state; its finalizer then dies.
      Stream.catchAllCause(() => Stream.drain(Stream.fromEffect(Effect.sleep("1 second")))),
      Stream.forever,
      Stream.filterMap((text): Option.Option<Signal> => decode(text))
    )
  }))
)
