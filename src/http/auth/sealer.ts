import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";

/** Keeps values in browsers that only this server can read and make: what one purpose sealed, another cannot open. */
export interface Sealer {
  seal(purpose: string, value: object): string;
  /** Null when the text was not sealed here for this purpose. */
  open(purpose: string, text: string): unknown;
  /** A digest of the text that nobody without the key can make. */
  sign(purpose: string, text: string): string;
}

const VECTOR_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM and HMAC-SHA256 under keys that HKDF derives for each purpose. @param secret at least 32 bytes */
export function createSealer(secret: Uint8Array): Sealer {
  const keys = new Map<string, Buffer>();
  const keyFor = (purpose: string): Buffer => {
    const key = keys.get(purpose) ?? Buffer.from(hkdfSync("sha256", secret, "", `requeen ${purpose}`, 32));
    keys.set(purpose, key);
    return key;
  };
  return {
    seal(purpose, value) {
      const vector = randomBytes(VECTOR_BYTES);
      const cipher = createCipheriv("aes-256-gcm", keyFor(purpose), vector);
      const body = Buffer.concat([cipher.update(JSON.stringify(value), "utf8"), cipher.final()]);
      return Buffer.concat([vector, body, cipher.getAuthTag()]).toString("base64url");
    },
    open(purpose, text) {
      const bytes = Buffer.from(text, "base64url");
      // one value has one text: what decodes to the same bytes in another way was not made here
      if (bytes.length < VECTOR_BYTES + TAG_BYTES || bytes.toString("base64url") !== text) return null;
      const decipher = createDecipheriv("aes-256-gcm", keyFor(purpose), bytes.subarray(0, VECTOR_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      const body = decipher.update(bytes.subarray(VECTOR_BYTES, -TAG_BYTES));
      try {
        return JSON.parse(Buffer.concat([body, decipher.final()]).toString("utf8"));
      } catch {
        return null; // the tag does not fit: made elsewhere, or changed
      }
    },
    sign: (purpose, text) =>
      createHmac("sha256", keyFor(`${purpose} signature`))
        .update(text)
        .digest("base64url"),
  };
}
