/** Starts the Postgres that the tests share, before the first of them, and stops it after the last. */
import type { TestProject } from "vitest/node"
import { findPostgres, startPostgres } from "../../../../scripts/lib/postgres.mjs"

declare module "vitest" {
  export interface ProvidedContext {
    /** The URL of the shared Postgres, or nothing if Postgres is not installed. */
    readonly postgres: string | undefined
  }
}

export default async (project: TestProject): Promise<(() => Promise<void>) | undefined> => {
  if (findPostgres() === undefined) {
    process.stderr.write(
      "SKIPPED: durable fleets over a real Postgres; install postgresql (Debian: apt-get install postgresql)\n"
    )
    return undefined
  }
  const { remove, url } = await startPostgres()
  project.provide("postgres", url)
  return remove
}
