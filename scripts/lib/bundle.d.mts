/** Bundles a program with its dependencies, unless that is done already, and returns the arguments with which Node runs it. */
export declare const bundle: (entry: string) => Promise<ReadonlyArray<string>>
