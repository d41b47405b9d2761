/** A SHA-256 as the header Repr-Digest holds it (RFC 9530). @param hex 64 digits. */
export const digestHeader = (hex: string): string => `sha-256=:${Buffer.from(hex, "hex").toString("base64")}:`;
