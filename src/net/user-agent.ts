/** How we name ourselves to every host we call. */

/** Name and version, the version of package.json. */
export const USER_AGENT = 'clipyard/0.1.0';
