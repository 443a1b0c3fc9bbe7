export interface Postgres {
  readonly url: string
  readonly start: () => Promise<void>
  /** Stops it at once, as a power cut would. */
  readonly stop: () => Promise<void>
  /** Stops it and deletes its files. */
  readonly remove: () => Promise<void>
}

/** The folder of Postgres' programs, or nothing if it is not installed. */
export declare const findPostgres: () => string | undefined

/** A port of loopback that was free a moment ago. */
export declare const freePort: () => Promise<number>

/** Starts a new, empty Postgres. */
export declare const startPostgres: () => Promise<Postgres>
