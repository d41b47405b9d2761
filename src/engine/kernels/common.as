// The engine's hot loops in AssemblyScript, built by scripts/build-kernels.ts into wasm-bytes.ts. Each function here has a plain
// TypeScript form (boosting-tree.ts, forest-tree.ts, perceptron-plain.ts) that it must equal bit for bit; test/property/engine-kernels.test.ts
// holds them to each other. All addresses are bytes in the imported memory; nothing is allocated here.

/** Bytes of one column's histogram: 256 bins of 16. */
const COLUMN_BYTES: i32 = 4096;
const MISSING_BIN: i32 = 255;
