/** The schema library's own words, none of which is meant for callers. */
export const LIBRARY_WORDS =
  /Invalid (?:input|option|string|key|value|number|discriminator)|Too (?:small|big):|expected (?:string|number|int|array|object|boolean|record|one of)|received (?:undefined|null|string|number|array|object)|Unrecognized key|must match pattern/;
