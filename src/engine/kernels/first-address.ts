/** AssemblyScript's own few bytes (module constants) end below this, and those of a gate (fit-helpers.ts) stand before it. */
export const FIRST_ADDRESS = 4096;
