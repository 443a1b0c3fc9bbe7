declare module "vitest" {
  export interface ProvidedContext {
    /** Set in `vitest.workspace.ts`: 1 with `CI`, else `PROPERTY_SHARE` or a twentieth. */
    readonly propertyShare: number
  }
}

/** The share of the full size of tests that runs. */
export declare const share: () => number

/** The number of cases of a property, or of calls, reads or minutes of one large case. */
export declare const cases: (full: number) => number

/** That share of the values, spread evenly. `index` shifts the selection, so that the tests of a table cover all values. */
export declare const sample: <A>(values: ReadonlyArray<A>, index: number) => ReadonlyArray<A>

/**
 * Completes after a turn of the event loop. A property on a virtual clock needs none; without one for a minute, the
 * worker's messages to Vitest time out, and the run fails although every test has passed.
 */
export declare const eventLoopTurn: () => Promise<void>
