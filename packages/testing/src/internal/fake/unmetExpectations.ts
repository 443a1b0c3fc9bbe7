/** The error of a fake whose expectations were not met. */
import * as Schema from "effect/Schema"

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
