import { effect, flakyTest, it, layer, prop, scoped } from "@effect/vitest"
import { beforeEach } from "vitest"
import { eventLoopTurn } from "./cases.mjs"

// Restores `it` before each test file: `it.layer` of `@effect/vitest` replaces its methods, and files share a worker.
Object.assign(it, { effect, flakyTest, layer, prop, scoped })

// A test on a virtual clock needs no turn of the event loop, and neither does Vitest between two tests: see `eventLoopTurn`.
beforeEach(eventLoopTurn)
