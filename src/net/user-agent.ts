/** How we name ourselves to every host we call. */

/** The version of package.json. */
export const VERSION = '0.1.0';

/** Name and version. */
export const USER_AGENT = `clipyard/${VERSION}`;
