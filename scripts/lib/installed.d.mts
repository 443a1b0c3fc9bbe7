/** Whether a program is on the path. */
export declare const isInstalled: (program: string) => boolean
