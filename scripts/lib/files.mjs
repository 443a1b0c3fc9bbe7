// The files of the repository: tracked, or new and not ignored.
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"

/** Paths from the root, of the files that match one of the patterns of git, or of all. */
export const files = (...patterns) =>
  execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ...patterns], {
    encoding: "utf8"
  }).split("\0").filter((path) => path !== "" && existsSync(path))
