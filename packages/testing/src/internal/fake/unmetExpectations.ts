/** The error of `FakeExotel.verify`. */
import * as Schema from "effect/Schema"

/**
 * Expectations that were not met: planned faults that did not fire, and requests that were not expected.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnmetExpectations
  extends Schema.TaggedError<UnmetExpectations>("@effect-exotel/testing/UnmetExpectations")(
    "UnmetExpectations",
    {
      problems: Schema.Array(Schema.String),
      /** The journal, rendered. */
      journal: Schema.String
    }
  )
{
  override get message(): string {
    return `Expectations of the fake Exotel were not met:\n${
      this.problems.map((problem) => `- ${problem}`).join("\n")
    }\nThe journal:\n${this.journal}`
  }
}
