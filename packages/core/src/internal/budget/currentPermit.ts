/** The permit that `RequestBudget.withPermit` provides, until the first request inside uses it. */
import * as Context from "effect/Context"
import type { Permit } from "../../RequestBudget.ts"

export interface CurrentPermit {
  permit: Permit | undefined
}

export const CurrentPermit = Context.GenericTag<CurrentPermit>("@effect-exotel/core/internal/CurrentPermit")
