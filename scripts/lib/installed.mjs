// Whether a program is on the path, without starting it.
import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"

export const isInstalled = (program) =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, program)))
