// Restores `it` before each test file: `it.layer` of `@effect/vitest` replaces its methods, and files share a worker.
import { effect, flakyTest, it, layer, prop, scoped } from "@effect/vitest"

Object.assign(it, { effect, flakyTest, layer, prop, scoped })
