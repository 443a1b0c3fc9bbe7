/** How many cases a property runs: all of them in the checks, a share of them on a developer's machine. */
import { inject } from "vitest"

declare module "vitest" {
  export interface ProvidedContext {
    /** Set in `vitest.workspace.ts`: 1 with `CI`, else `PROPERTY_SHARE` or a tenth. */
    readonly propertyShare: number
  }
}

export const cases = (full: number): number => Math.max(1, Math.ceil(full * inject("propertyShare")))
