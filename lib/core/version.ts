/** The version of this library, for files that should say who wrote them. */
export const VERSION = '0.1.0';
