import { join } from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const root = import.meta.dirname;

/** `dist/web`: hashed files that the server hands out as they are. No polyfill and no data: URLs, which the content security policy refuses. */
export default defineConfig({
  root,
  cacheDir: join(root, "../node_modules/.cache/vite-web"),
  plugins: [react()],
  build: {
    outDir: join(root, "../dist/web"),
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
