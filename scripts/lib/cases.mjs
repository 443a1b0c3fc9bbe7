// The size of a test: in full in the checks, a share of it on a developer's machine.
import { setImmediate } from "node:timers/promises"
import { inject } from "vitest"

export const share = () => inject("propertyShare")

export const cases = (full) => Math.max(1, Math.ceil(full * share()))

export const sample = (values, index) => {
  const step = Math.floor(values.length / cases(values.length))
  return values.filter((_, i) => (i + index) % step === 0)
}

export const eventLoopTurn = () => setImmediate()
