/**
 * The clusters on which Exotel keeps accounts. An account lives on one of them, and only that one answers for its calls.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The documented clusters (call-details page). For any other host give `baseUrl` in place of a region.
 *
 * @since 0.1.0
 * @category models
 */
export const Region = Schema.Literal("singapore", "mumbai").annotations({ identifier: "Region" })

/**
 * @since 0.1.0
 * @category models
 */
export type Region = typeof Region.Type

/**
 * Every region, in the order in which they are probed for an account.
 *
 * @since 0.1.0
 * @category constants
 */
export const all: ReadonlyArray<Region> = Region.literals

/**
 * The base URL of each region. Credentials are sent to these hosts and to a configured `baseUrl`, and nowhere else.
 *
 * @since 0.1.0
 * @category constants
 */
export const baseUrls: { readonly [R in Region]: string } = {
  singapore: "https://api.exotel.com",
  mumbai: "https://api.in.exotel.com"
}

/**
 * @since 0.1.0
 * @category guards
 */
export const isRegion: (value: unknown) => value is Region = Schema.is(Region)
