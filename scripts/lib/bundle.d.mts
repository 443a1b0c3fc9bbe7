/** Bundles a program with its dependencies, if one of its files has changed, and returns the arguments with which Node runs it. */
export declare const bundle: (entry: string) => Promise<ReadonlyArray<string>>
