/** Where it is not installed, says that `subject` was not tried. */
export declare const findChromium: (subject: string) => boolean

/** Options of `chromium.launch` of Playwright. */
export declare const launchOptions: { readonly executablePath: string; readonly args: Array<string> }
