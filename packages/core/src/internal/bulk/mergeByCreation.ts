/** Merges listings that are each in order of creation into one in that order. */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Call } from "../../Call.ts"

/** The next call of each listing; undefined until it is pulled, none at the end. */
interface Heads {
  readonly left?: Option.Option<Call> | undefined
  readonly right?: Option.Option<Call> | undefined
}

const pulled = <E>(head: Option.Option<Call> | undefined, pull: Effect.Effect<Call, Option.Option<E>>) =>
  head === undefined
    ? Effect.catchAll(Effect.asSome(pull), (end) => Option.isNone(end) ? Effect.succeedNone : Effect.fail(end))
    : Effect.succeed(head)

export const mergeByCreation = (order: "asc" | "desc") => {
  const sign = order === "asc" ? 1 : -1
  // A call without a time of creation comes first, so that it delays no other call.
  const position = (call: Call): number =>
    Option.match(call.dateCreated, { onNone: () => -Infinity, onSome: (time) => sign * DateTime.toEpochMillis(time) })
  return <E>(self: Stream.Stream<Call, E>, that: Stream.Stream<Call, E>): Stream.Stream<Call, E> =>
    Stream.combine(self, that, {}, (heads: Heads, pullLeft, pullRight) =>
      Effect.exit(Effect.gen(function*() {
        const left = yield* pulled(heads.left, pullLeft)
        const right = yield* pulled(heads.right, pullRight)
        if (Option.isSome(left) && (Option.isNone(right) || position(left.value) <= position(right.value))) {
          return [left.value, { right }] as const
        }
        return Option.isSome(right)
          ? [right.value, { left }] as const
          : yield* Effect.fail(Option.none())
      })))
}
