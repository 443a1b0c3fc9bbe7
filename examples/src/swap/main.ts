/** Follows up on a real call: `tsx src/swap/main.ts <sid>`, with `EXOTEL_*` set. */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { followUp } from "./followUp.ts"
import { Live } from "./layers.ts"

const [sid] = process.argv.slice(2)

NodeRuntime.runMain(
  sid === undefined
    ? Console.log("usage: tsx src/swap/main.ts <sid of a call>")
    : followUp(sid).pipe(Effect.flatMap(Console.log), Effect.provide(Live))
)
