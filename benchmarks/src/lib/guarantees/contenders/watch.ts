/** `@effect-exotel/watch`, with a separate service for each watch of the run. */
import { ExotelCalls } from "@effect-exotel/core"
import { CallWatch, WatchPolicy, WatchToken } from "@effect-exotel/watch"
import { NodeHttpClient } from "@effect/platform-node"
import { Chunk, Duration, Effect, Layer, Option, Schema, Stream } from "effect"
import type { Contender, Subject } from "../Contender.ts"

const using = <A, E>({ exotel }: Subject, use: (watch: CallWatch.Service) => Effect.Effect<A, E>) =>
  Effect.flatMap(CallWatch.CallWatch, use).pipe(
    Effect.provide(
      CallWatch.layer.pipe(Layer.provide(ExotelCalls.layer(exotel)), Layer.provide(NodeHttpClient.layerUndici))
    )
  )

const policy = ({ intervalMillis }: Subject): WatchPolicy.Options => ({
  cadence: WatchPolicy.every(intervalMillis),
  errorBackoff: intervalMillis,
  // By default a rejected credential is tolerated for a minute, because keys are rotated while workers run.
  authenticationGrace: 0
})

const awaitEnd = (subject: Subject, options: WatchPolicy.Options = {}) => (watch: CallWatch.Service) =>
  Effect.map(watch.awaitEnd(subject.sid, { ...policy(subject), ...options }), ({ status }) => status)

export const watch: Contender = {
  name: "watch",
  package: "@effect-exotel/watch",
  awaitEnd: (subject) => using(subject, awaitEnd(subject)),
  awaitEndWithin: (subject, deadlineMillis) =>
    using(subject, awaitEnd(subject, { deadline: Duration.millis(deadlineMillis) })),
  awaitEndTwice: (subject) =>
    using(
      subject,
      (watch) => Effect.all([awaitEnd(subject)(watch), awaitEnd(subject)(watch)], { concurrency: "unbounded" })
    ),
  follow: (subject, consume) =>
    using(subject, (watch) =>
      Stream.runForEach(
        watch.changes(subject.sid, policy(subject)),
        ({ status }) => Effect.promise(() => consume(status))
      )),
  resumption: {
    suspend: (subject) =>
      using(subject, (watch) =>
        Effect.map(
          Effect.flatten(Stream.runHead(watch.events(subject.sid, policy(subject)))),
          ({ token }) => Schema.encodeSync(WatchToken.FromJson)(token)
        )),
    resume: (subject, token) =>
      using(subject, (watch) =>
        watch.resume(Schema.decodeSync(WatchToken.FromJson)(token), policy(subject)).pipe(
          Stream.filterMap((event) => "call" in event ? Option.some<string>(event.call.status) : Option.none()),
          Stream.runCollect,
          Effect.map(Chunk.toReadonlyArray)
        ))
  }
}
