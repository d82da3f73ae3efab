import { createJiti } from "jiti";

const jiti = createJiti(import.meta.url, { fsCache: false });

/** Imports a TypeScript module of this repository; Node 20 cannot by itself. `path` is relative to scripts/. */
export const loadTs = (path) => jiti.import(path);
