/** Lets editors and a bare `vitest` find the workspace. */
export { default } from "./vitest.workspace.ts"
