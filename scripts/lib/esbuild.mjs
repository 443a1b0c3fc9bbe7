// esbuild as `tsx` brings it, so that it is no dependency of ours.
import { createRequire } from "node:module"

const require = createRequire(createRequire(import.meta.url).resolve("tsx/package.json"))

export const { build, transformSync } = require("esbuild")
