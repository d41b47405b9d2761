import { hash } from "node:crypto";

/** Where an opinion stands on the ring of the review queue: an integer in [0, RING), by chance, the same in every store. */
export const ringKey = (opinionId: string): number => hash("sha256", opinionId, "buffer").readUIntBE(0, 6);
