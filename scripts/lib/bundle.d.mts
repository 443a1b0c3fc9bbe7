/** Bundles a program with its dependencies, and returns the path of the bundle. */
export declare const bundle: (entry: string) => Promise<string>
