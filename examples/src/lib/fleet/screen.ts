/** Draws the board: as a screen that is redrawn, or as lines if there is no terminal. */
import { Console, Duration, Effect } from "effect"
import type { Board, View } from "./board.ts"

const bar = (value: number, of: number, width: number): string => {
  const full = Math.min(width, Math.round(value / of * width))
  return "#".repeat(full) + ".".repeat(width - full)
}

const slowed = (slowdown: number): string =>
  slowdown === 1 ? "at the cadence of the policy" : `${slowdown} times slower`

/** At most 80 columns wide. */
export const draw = (view: View): string =>
  [
    `Calls watched    ${view.active}`,
    ...[...view.statuses].sort(([a], [b]) => a.localeCompare(b)).map(([status, calls]) =>
      `  ${status.padEnd(14)} ${String(calls).padStart(6)}  ${bar(calls, view.active, 40)}`
    ),
    "",
    `Requests         ${String(view.requests).padStart(6)}  ${
      bar(view.requests, view.perMinute, 40)
    } of ${view.perMinute}/min`,
    `  bulk reads     ${String(view.bulkReads).padStart(6)}  ${view.mode}, ${slowed(view.slowdown)}`,
    "",
    `Calls ended      ${String(view.ended).padStart(6)}  after ${view.p50.toFixed(1)} s, 95 % within ${
      view.p95.toFixed(1)
    } s`,
    `Details awaited  ${String(view.waitingForDetails).padStart(6)}`,
    `Watches failed   ${String(view.failed).padStart(6)}`,
    "",
    ...view.last.map(({ delay, sid, status }) =>
      `  ${sid}  ${status.padEnd(10)} ${delay.toFixed(1).padStart(6)} s late`
    )
  ].map((line) => line.slice(0, 80)).join("\n")

const line = (view: View): string =>
  `${view.active} calls, ${view.requests}/${view.perMinute} requests a minute (${view.bulkReads} bulk reads), `
  + `${view.ended} ended, detected after ${view.p50.toFixed(1)} s, 95 % within ${view.p95.toFixed(1)} s`

const HOME_AND_CLEAR = "\x1b[H\x1b[J"
const HIDE_CURSOR = "\x1b[?25l"
const SHOW_CURSOR = "\x1b[?25h"

const write = (text: string) => Effect.sync(() => process.stdout.write(text))

/** Runs until it is interrupted; redraws twice a second on a terminal, at any speed of the clock. */
export const show = (board: Board, isScreen: boolean, speed: number): Effect.Effect<void> =>
  isScreen
    ? Effect.acquireUseRelease(
      write(HIDE_CURSOR),
      () =>
        Effect.forever(Effect.zipRight(
          Effect.flatMap(board.view, (view) => write(`${HOME_AND_CLEAR}${draw(view)}\n`)),
          Effect.sleep(Duration.millis(500 * speed))
        )),
      () => write(SHOW_CURSOR)
    )
    : Effect.forever(
      Effect.zipRight(Effect.sleep("1 minute"), Effect.flatMap(board.view, (view) => Console.log(line(view))))
    )
