/** The version of this program; a test sees to it that package.json says the same. */
export const version = '0.1.0'
