/** The size of a test: in full in the checks, a share of it on a developer's machine. */
import { inject } from "vitest"

declare module "vitest" {
  export interface ProvidedContext {
    /** Set in `vitest.workspace.ts`: 1 with `CI`, else `PROPERTY_SHARE` or a tenth. */
    readonly propertyShare: number
  }
}

/** The number of cases of a property, or of calls, reads or minutes of one large case. */
export const cases = (full: number): number => Math.max(1, Math.ceil(full * inject("propertyShare")))

/** That share of the values, spread evenly. `index` shifts the selection, so that the tests of a table cover all values. */
export const sample = <A>(values: ReadonlyArray<A>, index: number): ReadonlyArray<A> => {
  const step = Math.floor(values.length / cases(values.length))
  return values.filter((_, i) => (i + index) % step === 0)
}
